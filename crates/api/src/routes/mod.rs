//! The handlers, one file a subject, and the one list of them all.

mod census;
mod configs;
mod conflicts;
mod connectors;
mod drift;
mod events;
mod execution;
mod items;
mod jobs;
mod metadata;
mod notifications;
mod plans;
pub(crate) mod receive;
mod rules;
mod runs;
mod samples;
mod scheduler;
mod settings;
mod system;
mod webhooks;

pub(crate) use system::not_found;

/// Registers every route; those below `/api` with a scope, in the order in which paths are tried. Two kinds of registries
/// take them: one that serves, and one that also gathers the documentation.
macro_rules! every_route {
    ($config:expr, $api:expr) => {
        $config
            .service(
                $api
                    // First: paths are tried in this order, and this one is called most.
                    .service(receive::receive)
                    .service(connectors::list)
                    .service(connectors::kinds)
                    .service(connectors::create)
                    .service(connectors::test_unsaved)
                    .service(connectors::one)
                    .service(connectors::update)
                    .service(connectors::delete)
                    .service(connectors::test)
                    .service(connectors::discover)
                    .service(connectors::items)
                    .service(connectors::item)
                    .service(metadata::types)
                    .service(metadata::fields)
                    .service(metadata::statuses)
                    .service(metadata::suggest)
                    .service(metadata::enable_type)
                    .service(metadata::enable_field)
                    .service(metadata::enable_status)
                    .service(metadata::transformations)
                    .service(configs::list)
                    .service(configs::create)
                    .service(configs::one)
                    .service(configs::update)
                    .service(configs::delete)
                    .service(configs::clone)
                    .service(configs::user_map)
                    .service(configs::put_user_map)
                    .service(drift::list)
                    .service(drift::apply)
                    .service(rules::add_type)
                    .service(rules::delete_type)
                    .service(rules::add_field)
                    .service(rules::put_field)
                    .service(rules::delete_field)
                    .service(rules::add_status)
                    .service(rules::delete_status)
                    .service(samples::list)
                    .service(samples::create)
                    .service(samples::run)
                    .service(samples::capture)
                    .service(samples::one)
                    .service(samples::update)
                    .service(samples::delete)
                    .service(execution::sync)
                    .service(execution::preview)
                    .service(plans::list)
                    .service(plans::one)
                    .service(plans::apply)
                    .service(census::last)
                    .service(census::census)
                    .service(execution::cancel)
                    .service(execution::retry)
                    .service(execution::validate)
                    .service(execution::test_mapping)
                    .service(runs::executions)
                    .service(runs::history)
                    .service(runs::status)
                    .service(runs::items)
                    .service(runs::pairs)
                    .service(runs::make_pair)
                    .service(runs::delete_pair)
                    .service(items::history)
                    .service(items::explain)
                    .service(events::events)
                    .service(scheduler::state)
                    .service(scheduler::start)
                    .service(scheduler::stop)
                    .service(scheduler::schedule)
                    .service(scheduler::unschedule)
                    .service(scheduler::next)
                    .service(scheduler::preview)
                    .service(scheduler::occurrences)
                    .service(jobs::figures)
                    .service(jobs::enqueue)
                    .service(jobs::status)
                    .service(jobs::list)
                    .service(jobs::cancel)
                    .service(jobs::retry)
                    .service(jobs::replay)
                    .service(webhooks::register)
                    .service(webhooks::list)
                    .service(webhooks::delivery)
                    .service(webhooks::replay)
                    .service(webhooks::one)
                    .service(webhooks::update)
                    .service(webhooks::delete)
                    .service(webhooks::rotate)
                    .service(webhooks::revoke)
                    .service(webhooks::setup)
                    .service(webhooks::test)
                    .service(webhooks::deliveries)
                    .service(notifications::list)
                    .service(notifications::create)
                    .service(notifications::test)
                    .service(notifications::one)
                    .service(notifications::update)
                    .service(notifications::delete)
                    .service(conflicts::list)
                    .service(conflicts::counts)
                    .service(conflicts::resolve_batch)
                    .service(conflicts::one)
                    .service(conflicts::resolve)
                    .service(conflicts::resolve_auto)
                    .service(conflicts::ignore)
                    .service(settings::test_smtp)
                    .service(settings::list)
                    .service(settings::put_all)
                    .service(settings::one)
                    .service(settings::put_one)
                    .service(system::openapi_json),
            )
            .service(system::health)
            .service(system::healthz)
            .service(system::readyz);
    };
}

/// Registers every route. Gathers no documentation: each of the server's threads would hold it.
pub(crate) fn all(config: &mut actix_web::web::ServiceConfig) {
    every_route!(config, actix_web::web::scope("/api"));
}

/// Registers every route, and with it its documentation.
pub(crate) fn documented(config: &mut utoipa_actix_web::service_config::ServiceConfig<'_>) {
    every_route!(config, utoipa_actix_web::scope::scope("/api"));
}
