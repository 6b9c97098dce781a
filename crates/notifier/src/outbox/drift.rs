//! What drift means to people, filed in the transaction that finds it.

use std::collections::BTreeSet;

use syncline_domain::ports::{DriftNews, DriftTeller, DriftWhat, Tx};
use syncline_domain::{Fault, NotificationEvent};

use super::Herald;
use super::publish::{Event, publish};
use crate::message::{ConfigName, Message, News};

impl DriftTeller for Herald {
    fn tell(&self, tx: &mut dyn Tx, news: &DriftNews) -> Result<(), Fault> {
        let (event, config, what) = match &news.what {
            DriftWhat::Schema { connector_id, connector, changes } => {
                let what = News::SchemaDrift {
                    connector_id: *connector_id,
                    connector: connector.clone(),
                    changes: changes.clone(),
                };
                (NotificationEvent::SchemaDrift, None, what)
            }
            DriftWhat::Items { config_id, config, total, lines } => {
                let name = ConfigName { id: *config_id, name: config.clone() };
                let what = News::CensusDrift { drifts: *total, lines: lines.clone() };
                (NotificationEvent::CensusDrift, Some(name), what)
            }
        };
        let zone = match &config {
            Some(config) => tx.config(config.id)?.map(|row| row.timezone),
            None => None,
        };
        let zone = zone.unwrap_or_else(|| "UTC".to_owned());
        let message = Message { at: news.at, zone, config, news: what };
        let key = news.key.clone();
        let event = Event { event, key, about: &news.about, quiet: false, message: &message };
        publish(tx, &event, &mut BTreeSet::new(), news.at).map(drop)
    }
}
