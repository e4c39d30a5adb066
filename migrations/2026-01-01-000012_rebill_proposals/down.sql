DROP TABLE rebill_proposals;
