-- The engine's text index over the words of templates: which ones hold a word, without reading them all. Called by investigate.search where templates are many.
-- For tables made before it was; MATERIALIZE is left to merges: what is not indexed yet is read.
ALTER TABLE log_templates ${ON_CLUSTER}
    ADD INDEX IF NOT EXISTS idx_words lower(Text) TYPE text(tokenizer = 'splitByNonAlpha'),
    ADD INDEX IF NOT EXISTS idx_text_hash TextHash TYPE bloom_filter(0.001) GRANULARITY 1
