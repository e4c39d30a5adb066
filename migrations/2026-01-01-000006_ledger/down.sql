DROP TABLE allocations;
DROP TABLE adjustments;
DROP TABLE swept_fts;
DROP TABLE fts;
DROP TABLE segments;
DROP TABLE bill_directory;
DROP TABLE bills;
