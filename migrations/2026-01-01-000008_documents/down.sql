DROP TABLE deliveries;
DROP TABLE messages;
DROP TABLE invoices;
DROP TABLE invoice_runs;
