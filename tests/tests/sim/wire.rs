//! The line to a tracker: what was sent arrives, whatever becomes of the sender meanwhile.

use std::collections::BTreeSet;
use std::future::Future;
use std::sync::Arc;

use serde_json::Value;
use syncline_domain::ports::{
    BoxFuture, Capabilities, ChangeQuery, ChangeWalk, Connector, ConnectorError, FindCreated,
    OwnChange, Presence, Write,
};
use syncline_domain::{
    Comment, CommentId, Cursor, FieldRef, Identity, Item, ItemId, NewComment, Schema, Version,
};
use syncline_testkit::FakeConnector;

use crate::trace::Trace;

/// A tracker at the other end of a line. Writes are tasks of their own: a process that dies or freezes while it waits
/// for the answer does not call them back.
pub(crate) struct Wire {
    fake: Arc<FakeConnector>,
    trace: Trace,
}

impl Wire {
    pub(crate) fn to(fake: &Arc<FakeConnector>, trace: &Trace) -> Self {
        Self { fake: Arc::clone(fake), trace: trace.clone() }
    }
}

async fn sent<T: Send + 'static>(call: impl Future<Output = T> + Send + 'static) -> T {
    tokio::spawn(call).await.expect("the tracker stands")
}

impl Connector for Wire {
    fn capabilities(&self) -> Capabilities {
        self.fake.capabilities()
    }

    fn whoami(&self) -> BoxFuture<'_, Result<Identity, ConnectorError>> {
        self.fake.whoami()
    }

    fn describe(&self) -> BoxFuture<'_, Result<Schema, ConnectorError>> {
        self.fake.describe()
    }

    fn changes(&self, query: ChangeQuery, since: Option<Cursor>) -> Box<dyn ChangeWalk + '_> {
        self.fake.changes(query, since)
    }

    fn fetch<'a>(&'a self, ids: &'a [ItemId]) -> BoxFuture<'a, Result<Vec<Item>, ConnectorError>> {
        self.fake.fetch(ids)
    }

    fn matching<'a>(
        &'a self,
        query: &'a ChangeQuery,
        ids: &'a [ItemId],
    ) -> BoxFuture<'a, Result<BTreeSet<ItemId>, ConnectorError>> {
        self.fake.matching(query, ids)
    }

    fn find_created<'a>(
        &'a self,
        query: &'a FindCreated,
    ) -> BoxFuture<'a, Result<Vec<Item>, ConnectorError>> {
        self.trace.detail(|| format!("    looks for {query:?}"));
        self.fake.find_created(query)
    }

    fn find_equal<'a>(
        &'a self,
        type_ref: &'a str,
        field: &'a FieldRef,
        value: &'a Value,
    ) -> BoxFuture<'a, Result<Vec<Item>, ConnectorError>> {
        self.fake.find_equal(type_ref, field, value)
    }

    fn apply<'a>(
        &'a self,
        writes: &'a [Write],
    ) -> BoxFuture<'a, Vec<Result<Item, ConnectorError>>> {
        let (fake, writes) = (Arc::clone(&self.fake), writes.to_vec());
        let trace = self.trace.clone();
        Box::pin(sent(async move {
            let answers = fake.apply(&writes).await;
            for (write, answer) in writes.iter().zip(&answers) {
                let answer = answer.as_ref().map(|item| (&item.id, &item.version));
                trace.detail(|| format!("    {:?} {:?}: {answer:?}", write.kind, write.fields));
            }
            answers
        }))
    }

    fn probe<'a>(&'a self, id: &'a ItemId) -> BoxFuture<'a, Result<Presence, ConnectorError>> {
        self.fake.probe(id)
    }

    fn resolve_identity<'a>(
        &'a self,
        who: &'a Identity,
    ) -> BoxFuture<'a, Result<Option<Identity>, ConnectorError>> {
        self.fake.resolve_identity(who)
    }

    fn own_changes<'a>(
        &'a self,
        id: &'a ItemId,
        after: &'a Version,
    ) -> BoxFuture<'a, Result<Option<Vec<OwnChange>>, ConnectorError>> {
        self.fake.own_changes(id, after)
    }

    fn named_unasked(&self, who: &Identity) -> Option<Identity> {
        self.fake.named_unasked(who)
    }

    fn comments<'a>(
        &'a self,
        id: &'a ItemId,
    ) -> BoxFuture<'a, Result<Vec<Comment>, ConnectorError>> {
        self.fake.comments(id)
    }

    fn add_comment<'a>(
        &'a self,
        id: &'a ItemId,
        comment: &'a NewComment,
    ) -> BoxFuture<'a, Result<Comment, ConnectorError>> {
        let (fake, id, comment) = (Arc::clone(&self.fake), id.clone(), comment.clone());
        Box::pin(sent(async move { fake.add_comment(&id, &comment).await }))
    }

    fn edit_comment<'a>(
        &'a self,
        id: &'a ItemId,
        comment_id: &'a CommentId,
        comment: &'a NewComment,
    ) -> BoxFuture<'a, Result<Comment, ConnectorError>> {
        let (fake, id) = (Arc::clone(&self.fake), id.clone());
        let (comment_id, comment) = (comment_id.clone(), comment.clone());
        Box::pin(sent(async move { fake.edit_comment(&id, &comment_id, &comment).await }))
    }

    fn delete_comment<'a>(
        &'a self,
        id: &'a ItemId,
        comment_id: &'a CommentId,
    ) -> BoxFuture<'a, Result<(), ConnectorError>> {
        let (fake, id, comment_id) = (Arc::clone(&self.fake), id.clone(), comment_id.clone());
        Box::pin(sent(async move { fake.delete_comment(&id, &comment_id).await }))
    }
}
