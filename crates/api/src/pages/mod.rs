//! Pages for people with a browser: where links in mails and chats lead.
//!
//! A page is a frame without data, open to everybody. Its script asks the API for what belongs in it, as anybody would:
//! without a key on a laptop, else with the key that the person enters, which stays in that tab. So a page shows exactly
//! what its reader may see. All addresses in it are relative, so that it also works below a path of a proxy.

use actix_web::HttpResponse;
use actix_web::web::{self, Path, ServiceConfig};

const FRAME: &str = include_str!("frame.html");
const SCRIPT: &str = include_str!("view.js");
const STYLE: &str = include_str!("view.css");

/// Pages about one thing: the first part of their address, what people call it, and where the API has it.
const ONE: [(&str, &str, &str); 4] = [
    ("executions", "Execution", "api/execute/status"),
    ("sync-configs", "Sync configuration", "api/sync-configs"),
    ("connectors", "Connector", "api/connectors"),
    ("conflicts", "Conflict", "api/conflicts"),
];

/// Pages about all of a kind.
const ALL: [(&str, &str, &str); 6] = [
    ("executions", "Executions", "api/executions"),
    ("sync-configs", "Sync configurations", "api/sync-configs"),
    ("connectors", "Connectors", "api/connectors"),
    ("conflicts", "Conflicts", "api/conflicts"),
    ("jobs", "Jobs", "api/jobs"),
    ("notifications", "Notifications", "api/notifications"),
];

/// Registers all pages.
pub(crate) fn all(config: &mut ServiceConfig) {
    for (place, title, api) in ONE {
        let page = move |id: Path<u64>| async move {
            framed(&format!("{title} {id}"), &format!("{api}/{id}"), "../")
        };
        config.route(&format!("/{place}/{{id:[0-9]{{1,18}}}}"), web::get().to(page));
    }
    for (place, title, api) in ALL {
        let page = move || async move { framed(title, api, "./") };
        config.route(&format!("/{place}"), web::get().to(page));
    }
    config.route("/", web::get().to(async || framed("Executions", "api/executions", "./")));
    config.route("/pages/view.js", web::get().to(async || text("text/javascript", SCRIPT)));
    config.route("/pages/view.css", web::get().to(async || text("text/css", STYLE)));
}

/// Nothing of what is put in comes from a request but digits.
fn framed(title: &str, api: &str, root: &str) -> HttpResponse {
    let page = FRAME.replace("{title}", title).replace("{api}", api).replace("{root}", root);
    HttpResponse::Ok().content_type("text/html; charset=utf-8").body(page)
}

fn text(kind: &str, text: &'static str) -> HttpResponse {
    HttpResponse::Ok().content_type(format!("{kind}; charset=utf-8")).body(text)
}
