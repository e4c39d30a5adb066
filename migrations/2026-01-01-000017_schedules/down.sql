ALTER TABLE bills DROP COLUMN messages;
DROP TABLE bill_messages;
ALTER TABLE bill_cycles DROP COLUMN auto_send;
ALTER TABLE bill_cycles DROP COLUMN auto_generate;
ALTER TABLE bill_cycles DROP COLUMN auto_accept;
DROP TABLE schedule_starts;
DROP TABLE schedules;
