DROP TABLE draw_references;
DROP TABLE gateway_events;
DROP TABLE payment_runs;
DROP TABLE draws;
DROP TABLE payment_methods;
DROP TABLE payments;
DROP TABLE payment_references;
DROP TABLE tenders;
