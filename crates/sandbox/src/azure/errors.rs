//! Error bodies in the shape that all Azure DevOps services share, and the ones we need.

use serde_json::{Map, Value, json};

use crate::shared::http::Reply;

/// An error answer: status, type key and message.
#[derive(Clone, Debug)]
pub(crate) struct ApiError {
    /// The HTTP status.
    pub(crate) status: u16,
    /// What clients branch on.
    pub(crate) type_key: &'static str,
    /// The text, with its `TFnnnn` or `VSnnnn` code.
    pub(crate) message: String,
    /// The field that broke a rule, and how.
    pub(crate) rule: Option<(String, String)>,
}

/// A result with an error answer.
pub(crate) type Answer<T> = Result<T, ApiError>;

impl ApiError {
    /// Any error.
    pub(crate) fn new(status: u16, type_key: &'static str, message: impl Into<String>) -> Self {
        Self { status, type_key, message: message.into(), rule: None }
    }

    /// The body.
    pub(crate) fn body(&self) -> Value {
        let mut body = Map::new();
        body.insert("$id".into(), json!("1"));
        if let Some((field, flags)) = &self.rule {
            body.insert("customProperties".into(), self.rule_properties(field, flags));
        }
        body.insert("innerException".into(), Value::Null);
        body.insert("message".into(), json!(self.message));
        let name = format!(
            "Microsoft.TeamFoundation.WorkItemTracking.Server.{0}, Microsoft.TeamFoundation.WorkItemTracking.Server",
            self.type_key
        );
        body.insert("typeName".into(), json!(name));
        body.insert("typeKey".into(), json!(self.type_key));
        body.insert("errorCode".into(), json!(0));
        body.insert("eventId".into(), json!(3200));
        Value::Object(body)
    }

    fn rule_properties(&self, field: &str, flags: &str) -> Value {
        json!({
            "ErrorMessage": self.message,
            "FieldReferenceName": field,
            "FieldStatusFlags": flags,
            "RuleValidationErrors": [{
                "fieldReferenceName": field,
                "fieldStatusFlags": flags,
                "errorMessage": self.message,
                "ruleValidationErrors": null,
            }],
        })
    }

    /// The whole answer.
    pub(crate) fn reply(&self) -> Reply {
        Reply::json(self.status, &self.body())
    }
}

/// A rule of the work item type was broken.
pub(crate) fn rule(field: &super::schema::Field, flags: &str) -> ApiError {
    let message = format!("TF401320: Rule Error for field {}. Error code: {flags}.", field.name);
    let mut error = ApiError::new(400, "RuleValidationException", message);
    error.rule = Some((field.reference.to_owned(), flags.to_owned()));
    error
}

/// The work item does not exist, was deleted, or must not be read.
pub(crate) fn no_item(id: impl std::fmt::Display) -> ApiError {
    let message = format!(
        "TF401232: Work item {id} does not exist, or you do not have permissions to read it."
    );
    ApiError::new(404, "WorkItemUnauthorizedAccessException", message)
}

/// No field of that name.
pub(crate) fn no_field(name: &str) -> ApiError {
    ApiError::new(
        400,
        "WorkItemFieldInvalidException",
        format!("TF51535: Cannot find field {name}."),
    )
}

/// No such type in the project.
pub(crate) fn no_type(name: &str, project: &str) -> ApiError {
    let message = format!(
        "VS402323: Work item type {name} does not exist in project {project} or you do not have permission to access it."
    );
    ApiError::new(404, "WorkItemTypeNotFoundException", message)
}

/// No such project.
pub(crate) fn no_project(name: &str) -> ApiError {
    let message = format!(
        "TF200016: The following project does not exist: {name}. Verify that the name of the project is correct and that the project exists on the specified Azure DevOps Server."
    );
    ApiError::new(404, "ProjectDoesNotExistWithNameException", message)
}

/// No such resource under this address.
pub(crate) fn no_route() -> ApiError {
    ApiError::new(
        404,
        "VssResourceNotFoundException",
        "The requested resource does not exist, or the address is not one that this sandbox serves.",
    )
}

/// A parameter or a body that cannot be used.
pub(crate) fn bad_value(message: impl Into<String>) -> ApiError {
    ApiError::new(400, "VssPropertyValidationException", message)
}

/// A query that cannot be run.
pub(crate) fn bad_query(message: impl Into<String>) -> ApiError {
    ApiError::new(400, "SyntaxException", message)
}

/// A JSON Patch document that cannot be applied.
pub(crate) fn bad_patch(message: impl Into<String>) -> ApiError {
    ApiError::new(400, "PatchOperationFailedException", message)
}
