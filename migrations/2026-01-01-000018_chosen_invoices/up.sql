-- An invoice run is made for a window, or for bills that were chosen: credit notes and off-cycle bills have no window.
ALTER TABLE invoice_runs ALTER COLUMN window_id DROP NOT NULL;
ALTER TABLE invoice_runs ADD CHECK (window_id IS NOT NULL OR bill_run_id IS NULL);
