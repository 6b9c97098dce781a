//! Trying whether messages arrive.

use std::time::Duration;

use futures_util::future::{Either, select};
use serde_json::{Map, Value, json};
use syncline_domain::{ChannelKind, ErrorType, Fault, Role};

use super::body;
use super::{ChannelTest, TestLine};
use crate::error::Cause;
use crate::input::Body;
use crate::{App, AppError, Caller, RemoteFault, SmtpSettings};

/// Somebody is waiting for the answer.
const PATIENCE: Duration = Duration::from_secs(20);
/// One test reaches at most this many.
const RECIPIENTS_MAX: usize = 10;

/// A test that went well with everybody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tested {
    /// What each recipient's server said.
    pub lines: Vec<TestLine>,
    /// What was ignored.
    pub warnings: Vec<String>,
}

impl App {
    /// Sends a message to each recipient that says only that it arrives; at most ten times an hour a person.
    ///
    /// # Errors
    /// [`Fault::Invalid`]; [`Fault::Conflict`] for mail without a mail server; [`Fault::Busy`] when it is tried too
    /// often; a remote error with one line for each recipient that could not be reached.
    pub async fn test_notification(
        &self,
        caller: &Caller,
        body: Value,
    ) -> Result<Tested, AppError> {
        caller.needs(Role::Operator)?;
        caller.must_see_all()?;
        let mut body = Body::new(body)?;
        body.missing("recipients");
        let kind = body.word::<ChannelKind>("notification_type").unwrap_or(ChannelKind::Email);
        let settings = body::settings(&mut body);
        let recipients = body::texts(&mut body).unwrap_or_default();
        if recipients.len() > RECIPIENTS_MAX {
            body.fault("recipients", format!("a test takes at most {RECIPIENTS_MAX} recipients"));
        }
        if !recipients.is_empty() {
            let faults = self.automation().recipients.check(kind, &recipients, &settings.given);
            body.faults_below("", faults);
        }
        let warnings = body.finish()?;
        let smtp = if kind == ChannelKind::Email { Some(self.must_smtp().await?) } else { None };
        self.may_test(caller)?;
        let (shown, secret) = (settings.shown.unwrap_or_default(), settings.secret.flatten());
        let test = ChannelTest { kind, recipients, settings: shown, secret, smtp };
        let lines =
            match select(self.automation().tester.test(test), self.clock().sleep(PATIENCE)).await {
                Either::Left((lines, _)) => lines,
                Either::Right(_) => return Err(refused(vec![too_slow()], &[])),
            };
        let faults: Vec<RemoteFault> = lines
            .iter()
            .filter_map(|line| {
                let fault = line.outcome.as_ref().err()?.clone();
                let message = format!("{}: {}", line.recipient, fault.message);
                Some(RemoteFault { message, ..fault })
            })
            .collect();
        if faults.is_empty() {
            Ok(Tested { lines, warnings })
        } else {
            Err(refused(faults, &lines))
        }
    }

    /// Signs in at the mail server, sending nothing; answers what it said, and warnings.
    ///
    /// # Errors
    /// [`Fault::Conflict`] without a mail server; [`Fault::Busy`] when it is tried too often; a remote error.
    pub async fn test_smtp(
        &self,
        caller: &Caller,
        body: Value,
    ) -> Result<(String, Vec<String>), AppError> {
        caller.needs(Role::Operator)?;
        caller.must_see_all()?;
        let warnings = Body::new(body)?.finish()?;
        let smtp = self.must_smtp().await?;
        self.may_test(caller)?;
        let said = select(self.automation().tester.connect(smtp), self.clock().sleep(PATIENCE));
        match said.await {
            Either::Left((Ok(said), _)) => Ok((said, warnings)),
            Either::Left((Err(fault), _)) => Err(refused(vec![fault], &[])),
            Either::Right(_) => Err(refused(vec![too_slow()], &[])),
        }
    }

    async fn must_smtp(&self) -> Result<SmtpSettings, AppError> {
        self.smtp().await?.ok_or_else(|| {
            AppError::conflict(
                "SMTP not configured: set SMTP_HOST (and SMTP_PORT, SMTP_USER, SMTP_PASS, SMTP_FROM), \
                 or the settings smtp_*",
            )
        })
    }

    fn may_test(&self, caller: &Caller) -> Result<(), AppError> {
        self.test_pace().take(&caller.actor, self.clock().monotonic()).map_err(|wait| {
            let text = "ten tests an hour are enough; try again later".to_owned();
            AppError::from(Fault::Busy(text)).later(wait)
        })
    }
}

fn too_slow() -> RemoteFault {
    RemoteFault {
        error_type: ErrorType::Connection,
        message: format!("no answer within {} seconds", PATIENCE.as_secs()),
        what_to_do: "check the address, the port and whether a firewall is between".to_owned(),
    }
}

fn refused(details: Vec<RemoteFault>, lines: &[TestLine]) -> AppError {
    let message = details.iter().map(|fault| fault.message.as_str()).collect::<Vec<_>>().join("; ");
    let results: Vec<Value> = lines
        .iter()
        .map(|line| match &line.outcome {
            Ok(said) => json!({"recipient": line.recipient, "ok": true, "message": said}),
            Err(fault) => {
                json!({"recipient": line.recipient, "ok": false, "message": fault.message})
            }
        })
        .collect();
    let mut extras = Map::new();
    if !results.is_empty() {
        extras.insert("results".to_owned(), Value::Array(results));
    }
    AppError { cause: Cause::Remote { message, details }, extras, retry_after: None }
}
