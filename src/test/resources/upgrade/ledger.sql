CREATE TABLE bactrian_ledger (entry_key VARCHAR(255) PRIMARY KEY, entry_value VARCHAR(512) NOT NULL, written_at BIGINT NOT NULL);
INSERT INTO bactrian_ledger (entry_key, entry_value, written_at) VALUES ('picture-26fb6f76615e75b6fec6e255', 'file-1', 1795769091774);
INSERT INTO bactrian_ledger (entry_key, entry_value, written_at) VALUES ('text-2b54a8d5ef5108f2795a69d8', 'file-2', 1795769092103);
INSERT INTO bactrian_ledger (entry_key, entry_value, written_at) VALUES ('two_words-28e945447ecdde4be8d70dd3-26fb6f76615e75b6fec6e255', 'file-3', 1795769092325);
INSERT INTO bactrian_ledger (entry_key, entry_value, written_at) VALUES ('conversation-4b982fa1da5a81c610475b82', 'file-4', 1795769092583);
