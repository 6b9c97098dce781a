"""Drives the sandbox with the official Azure DevOps client: list, create, update, comment.

Arguments: collection address, project, token. Any surprise ends the program with a traceback.
"""

import io
import sys

from azure.devops.connection import Connection
from azure.devops.exceptions import AzureDevOpsServiceError
from azure.devops.v7_1.work_item_tracking.models import (
    CommentCreate,
    JsonPatchOperation,
    TeamContext,
    Wiql,
    WorkItemBatchGetRequest,
)
from msrest.authentication import BasicAuthentication

base_url, project, token = sys.argv[1:]
connection = Connection(base_url=base_url, creds=BasicAuthentication("", token))
core = connection.clients_v7_1.get_core_client()
tracking = connection.clients_v7_1.get_work_item_tracking_client()


def add(field, value):
    return JsonPatchOperation(op="add", path=f"/fields/{field}", value=value)


# Discover.
assert project in [found.name for found in core.get_projects()]
types = {kind.name: kind for kind in tracking.get_work_item_types(project)}
assert {"Bug", "Task"} <= set(types), types
assert types["Bug"].states, "types carry their states"
states = [state.name for state in tracking.get_work_item_type_states(project, "Bug")]
assert states[0] == "New", states
fields = tracking.get_work_item_type_fields_with_references(project, "Bug", expand="all")
priority = next(field for field in fields if field.reference_name == "Microsoft.VSTS.Common.Priority")
assert len(priority.allowed_values) == 4, priority.allowed_values
assert any(field.reference_name == "System.Title" and field.type == "string" for field in tracking.get_work_item_fields())

# List.
query = Wiql(query="SELECT [System.Id] FROM WorkItems WHERE [System.TeamProject] = @project ORDER BY [System.Id]")
found = tracking.query_by_wiql(query, team_context=TeamContext(project=project), time_precision=True, top=50)
ids = [item.id for item in found.work_items]
assert len(ids) == 12, ids
batch = tracking.get_work_items_batch(WorkItemBatchGetRequest(ids=ids, fields=["System.Id", "System.Title"]))
assert [item.id for item in batch] == ids
assert all(item.fields["System.Title"] for item in batch)
assert len(tracking.get_work_items(ids[:3], expand="All")) == 3

# Create.
title = "Größe <b> 東京 & more"
created = tracking.create_work_item(
    [add("System.Title", title), add("System.AssignedTo", "ana.sousa@demo.example"), add("System.Tags", "one; two")],
    project,
    "Bug",
)
assert created.rev == 1 and created.fields["System.Title"] == title, created
assert created.fields["System.AssignedTo"]["displayName"] == "Ana Sousa"

# Update, with the revision that we have seen; a stale one is refused.
guard = JsonPatchOperation(op="test", path="/rev", value=1)
updated = tracking.update_work_item([guard, add("System.State", "Active")], created.id, project=project)
assert updated.rev == 2 and updated.fields["System.State"] == "Active", updated
try:
    tracking.update_work_item([guard, add("System.State", "Closed")], created.id)
    raise SystemExit("a stale revision was accepted")
except AzureDevOpsServiceError as refusal:
    assert refusal.type_key == "TestPatchOperationFailedException", refusal.type_key

# Comment.
comment = tracking.add_comment(CommentCreate(text="<div>hello</div>"), project, created.id)
listed = tracking.get_comments(project, created.id)
assert [said.id for said in listed.comments] == [comment.id], listed
assert listed.comments[0].text == "<div>hello</div>"

# History, files, deletion.
updates = tracking.get_updates(created.id)
assert [update.rev for update in updates] == [1, 2, 3], updates
assert updates[1].fields["System.State"].old_value == "New"
reference = tracking.create_attachment(io.BytesIO(b"some bytes"), project=project, file_name="a.txt")
assert b"".join(tracking.get_attachment_content(reference.id)) == b"some bytes"
tracking.delete_work_item(created.id)
assert tracking.get_deleted_work_item(created.id).id == created.id
try:
    tracking.get_work_item(created.id)
    raise SystemExit("a deleted item was readable")
except AzureDevOpsServiceError as refusal:
    assert "TF401232" in refusal.message, refusal.message

print("ok")
