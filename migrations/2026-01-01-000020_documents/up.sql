-- Documents are text that their one writer guarantees to be JSON: the server need not read every word again
-- (json does, on each row). Who asks for a part writes `document::json -> …`.
ALTER TABLE segments ALTER COLUMN document TYPE text USING document::text;
ALTER TABLE drafts ALTER COLUMN document TYPE text USING document::text;
DO $$ BEGIN
    ALTER TABLE segments ALTER COLUMN document SET COMPRESSION lz4;
    ALTER TABLE drafts ALTER COLUMN document SET COMPRESSION lz4;
EXCEPTION WHEN feature_not_supported THEN NULL;
END $$;
