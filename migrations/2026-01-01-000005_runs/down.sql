DROP TABLE run_totals;
DROP TABLE bill_errors;
DROP TABLE flags;
DROP TABLE drafts;
DROP TABLE run_tests;
DROP TABLE run_items;
DROP TABLE bill_runs;
