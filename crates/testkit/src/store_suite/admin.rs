//! Rules about keys, settings, audit and remembered replies.

use std::sync::Arc;

use syncline_domain::ports::Store;
use syncline_domain::{ApiKey, AuditEntry, RememberedReply, Role};

use super::{conflicts, misses, tx, view};
use crate::rows::{api_key, at, audit_entry, odd_json, remembered_reply};

pub async fn api_keys_come_back_and_names_are_free_after_revocation(store: Arc<dyn Store>) {
    let mut key = ApiKey {
        role: Role::Viewer,
        config_scope: Some(vec![3.into(), 1.into()]),
        expires_at: Some(at(5)),
        last_used_at: Some(at(4)),
        ..api_key("ci")
    };
    let insert = key.clone();
    key.id = tx(&store, move |tx| tx.insert_api_key(&insert)).await;
    let read = view(&store, |tx| tx.api_key_by_hash("hash of ci")).await;
    assert_eq!(read.as_ref(), Some(&key));
    assert_eq!(view(&store, |tx| tx.api_key_by_hash("hash of CI")).await, None);
    let twin =
        ApiKey { hash: "another".to_owned(), config_scope: Some(Vec::new()), ..api_key("ci") };
    let insert = twin.clone();
    conflicts(&store, move |tx| tx.insert_api_key(&insert)).await;

    key.revoked_at = Some(at(6));
    let (update, insert) = (key.clone(), twin.clone());
    let id = tx(&store, move |tx| {
        tx.update_api_key(&update)?;
        tx.insert_api_key(&insert)
    })
    .await;
    let all = view(&store, |tx| tx.api_keys()).await;
    assert_eq!(all, [key.clone(), ApiKey { id, ..twin }]);
    key.id = 4_711.into();
    misses(&store, move |tx| tx.update_api_key(&key)).await;
}

pub async fn settings_are_written_and_reset(store: Arc<dyn Store>) {
    assert!(view(&store, |tx| tx.settings()).await.is_empty());
    tx(&store, |tx| {
        tx.put_setting("a", Some("1"), at(1))?;
        tx.put_setting("b", Some("\"Grüße\""), at(1))?;
        tx.put_setting("a", Some("[2]"), at(2))?;
        tx.put_setting("b", None, at(2))?;
        tx.put_setting("never", None, at(2))
    })
    .await;
    let read = view(&store, |tx| tx.settings()).await;
    assert_eq!(read, [("a".to_owned(), "[2]".to_owned())].into());
}

pub async fn the_audit_trail_comes_newest_first(store: Arc<dyn Store>) {
    let odd = AuditEntry {
        details: odd_json(),
        request_id: Some("r-1".to_owned()),
        ..audit_entry("third")
    };
    let append = odd.clone();
    tx(&store, move |tx| {
        tx.append_audit(&audit_entry("first"))?;
        tx.append_audit(&audit_entry("second"))?;
        tx.append_audit(&append)
    })
    .await;
    let page = view(&store, |tx| tx.audit(None, 2)).await;
    let third = AuditEntry { id: page[0].id, ..odd };
    assert_eq!(page[0], third);
    assert_eq!(page[1].action, "second");
    let before = page[1].id;
    let rest = view(&store, move |tx| tx.audit(Some(before), 2)).await;
    assert_eq!(rest.iter().map(|row| row.action.as_str()).collect::<Vec<_>>(), ["first"]);
}

pub async fn pruning_the_audit_trail_takes_the_oldest(store: Arc<dyn Store>) {
    tx(&store, |tx| {
        for (action, secs) in [("a", 10), ("b", 20), ("c", 30), ("set back", 15)] {
            tx.append_audit(&AuditEntry { at: at(secs), ..audit_entry(action) })?;
        }
        Ok(())
    })
    .await;
    assert_eq!(tx(&store, |tx| tx.prune_audit(at(10), 10)).await, 0);
    assert_eq!(tx(&store, |tx| tx.prune_audit(at(30), 1)).await, 1);
    assert_eq!(tx(&store, |tx| tx.prune_audit(at(30), 10)).await, 1);
    let left = view(&store, |tx| tx.audit(None, 10)).await;
    let left: Vec<&str> = left.iter().map(|row| row.action.as_str()).collect();
    assert_eq!(left, ["set back", "c"], "what follows a younger line stays with it");
    assert_eq!(tx(&store, |tx| tx.prune_audit(at(31), 10)).await, 2);
}

pub async fn replies_are_remembered_by_scope_and_key(store: Arc<dyn Store>) {
    let working =
        RememberedReply { status: 0, reply: String::new(), ..remembered_reply("me POST /a", "k") };
    let done = remembered_reply("me POST /a", "k");
    let other = RememberedReply {
        reply: "Grüße \u{1F680}".to_owned(),
        created_at: at(51),
        ..remembered_reply("you POST /a", "k")
    };
    let put = [working, done.clone(), other.clone()];
    tx(&store, move |tx| put.iter().try_for_each(|reply| tx.remember_reply(reply))).await;
    view(&store, move |tx| {
        assert_eq!(tx.remembered_reply("me POST /a", "k")?.as_ref(), Some(&done));
        assert_eq!(tx.remembered_reply("you POST /a", "k")?.as_ref(), Some(&other));
        assert_eq!(tx.remembered_reply("me POST /a", "K")?, None);
        Ok(())
    })
    .await;
    assert_eq!(tx(&store, |tx| tx.prune_replies(at(51))).await, 1);
    tx(&store, |tx| tx.forget_reply("nobody", "k")).await;
    let kept = view(&store, |tx| tx.remembered_reply("you POST /a", "k")).await;
    assert!(kept.is_some());
    tx(&store, |tx| tx.forget_reply("you POST /a", "k")).await;
    let gone = view(&store, |tx| tx.remembered_reply("you POST /a", "k")).await;
    assert_eq!(gone, None);
}
