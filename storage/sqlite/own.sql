PRAGMA application_id = 1397441865; -- 'SKEI'
CREATE VIEW live_threads AS SELECT * FROM skein_live_threads;
