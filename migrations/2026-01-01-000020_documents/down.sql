ALTER TABLE drafts ALTER COLUMN document TYPE json USING document::json;
ALTER TABLE segments ALTER COLUMN document TYPE json USING document::json;
