DROP INDEX webhook_deliveries_accepted;
CREATE UNIQUE INDEX webhook_deliveries_accepted ON webhook_deliveries (webhook_id, delivery_id)
    WHERE delivery_id IS NOT NULL AND status IN ('success', 'ignored');
