-- A name leads: no other index begins with it, so that nobody can take a webhook's other deliveries for a way to find one.
DROP INDEX webhook_deliveries_accepted;
CREATE UNIQUE INDEX webhook_deliveries_accepted ON webhook_deliveries (delivery_id, webhook_id)
    WHERE delivery_id IS NOT NULL AND status IN ('success', 'ignored');
