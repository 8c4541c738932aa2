PRAGMA foreign_keys=OFF;
BEGIN TRANSACTION;
CREATE TABLE envs (
	id INTEGER NOT NULL, 
	uuid VARCHAR(36) NOT NULL, 
	name VARCHAR(255) NOT NULL, 
	description TEXT, 
	status VARCHAR(36) NOT NULL, 
	extras TEXT, 
	config TEXT, 
	spec TEXT, 
	created_at DATETIME, 
	updated_at DATETIME, 
	PRIMARY KEY (id)
);
INSERT INTO envs VALUES(1,'bbe30fef-91c1-463d-8f6b-22d02a59af6d','e1','','READY','{}','{}','{}','2026-11-22 08:59:57.686211','2026-11-22 08:59:57.712165');
CREATE TABLE platforms (
	id INTEGER NOT NULL, 
	uuid VARCHAR(36) NOT NULL, 
	env_uuid VARCHAR(36) NOT NULL, 
	status VARCHAR(36) NOT NULL, 
	plugin_name VARCHAR(36) NOT NULL, 
	plugin_spec TEXT NOT NULL, 
	plugin_data TEXT, 
	platform_name VARCHAR(36), 
	platform_data TEXT, 
	created_at DATETIME, 
	updated_at DATETIME, 
	PRIMARY KEY (id)
);
CREATE TABLE tasks (
	id INTEGER NOT NULL, 
	uuid VARCHAR(36) NOT NULL, 
	env_uuid VARCHAR(36) NOT NULL, 
	input_task TEXT, 
	title VARCHAR(128), 
	description TEXT, 
	validation_result TEXT NOT NULL, 
	validation_duration FLOAT, 
	task_duration FLOAT, 
	pass_sla BOOLEAN, 
	status VARCHAR(36), 
	created_at DATETIME, 
	updated_at DATETIME, 
	PRIMARY KEY (id)
);
INSERT INTO tasks VALUES(1,'1ec6600e-5c77-4c36-a00a-e096253b956e','bbe30fef-91c1-463d-8f6b-22d02a59af6d','','','','{}',NULL,0.04025745391845703125,1,'finished','2026-11-22 09:00:00.442303','2026-11-22 09:00:02.813759');
CREATE TABLE tags (
	id INTEGER NOT NULL, 
	uuid VARCHAR(36) NOT NULL, 
	type VARCHAR(36) NOT NULL, 
	tag VARCHAR(255) NOT NULL, 
	created_at DATETIME, 
	updated_at DATETIME, 
	PRIMARY KEY (id)
);
INSERT INTO tags VALUES(1,'ad8da308-4334-482e-8592-5327b3bc3909','task','b','2026-11-22 08:58:52.508464','2026-11-22 08:58:52.508470');
INSERT INTO tags VALUES(2,'ad8da308-4334-482e-8592-5327b3bc3909','task','a','2026-11-22 08:58:52.508471','2026-11-22 08:58:52.508471');
INSERT INTO tags VALUES(3,'2eb011e4-9c0e-4f26-a6e6-f62a4979a8b3','task','b','2026-11-22 08:58:52.522130','2026-11-22 08:58:52.522136');
INSERT INTO tags VALUES(4,'2eb011e4-9c0e-4f26-a6e6-f62a4979a8b3','task','a','2026-11-22 08:58:52.522137','2026-11-22 08:58:52.522137');
INSERT INTO tags VALUES(5,'1ec6600e-5c77-4c36-a00a-e096253b956e','task','foo','2026-11-22 09:00:00.466700','2026-11-22 09:00:00.466705');
CREATE TABLE verifiers (
	id INTEGER NOT NULL, 
	uuid VARCHAR(36) NOT NULL, 
	name VARCHAR(255), 
	description TEXT, 
	type VARCHAR(255) NOT NULL, 
	platform VARCHAR(255), 
	source VARCHAR(255), 
	version VARCHAR(255), 
	system_wide BOOLEAN, 
	status VARCHAR(36) NOT NULL, 
	extra_settings TEXT, 
	created_at DATETIME, 
	updated_at DATETIME, 
	PRIMARY KEY (id), 
	UNIQUE (name)
);
CREATE TABLE subtasks (
	id INTEGER NOT NULL, 
	uuid VARCHAR(36) NOT NULL, 
	task_uuid VARCHAR(36) NOT NULL, 
	title VARCHAR(128), 
	description TEXT, 
	contexts TEXT NOT NULL, 
	contexts_results TEXT NOT NULL, 
	sla TEXT NOT NULL, 
	run_in_parallel BOOLEAN NOT NULL, 
	duration FLOAT, 
	pass_sla BOOLEAN, 
	status VARCHAR(36), 
	created_at DATETIME, 
	updated_at DATETIME, 
	PRIMARY KEY (id), 
	FOREIGN KEY(task_uuid) REFERENCES tasks (uuid)
);
INSERT INTO subtasks VALUES(1,'3c7ab69f-957a-44f0-9a47-d86c62b56204','ad8da308-4334-482e-8592-5327b3bc3909','ST','d','{"a": 1}','[]','{}',0,3.5,0,'finished','2026-11-22 08:58:52.664873','2026-11-22 08:58:52.824575');
INSERT INTO subtasks VALUES(2,'6280a13e-80f9-4eba-888b-8daacf3e0ec6','nope','ST','','{}','[]','{}',0,0.0,1,'running','2026-11-22 08:58:52.682789','2026-11-22 08:58:52.682794');
INSERT INTO subtasks VALUES(3,'6c7837e2-6997-40d2-bd7d-39889fdb02d7','1ec6600e-5c77-4c36-a00a-e096253b956e','s1','','{}','[]','{}',0,0.04025745391845703125,1,'finished','2026-11-22 09:00:00.686545','2026-11-22 09:00:02.805514');
CREATE TABLE verifications (
	id INTEGER NOT NULL, 
	uuid VARCHAR(36) NOT NULL, 
	verifier_uuid VARCHAR(36) NOT NULL, 
	env_uuid VARCHAR(36) NOT NULL, 
	run_args TEXT, 
	status VARCHAR(36) NOT NULL, 
	tests_count INTEGER, 
	failures INTEGER, 
	skipped INTEGER, 
	success INTEGER, 
	unexpected_success INTEGER, 
	expected_failures INTEGER, 
	tests_duration FLOAT, 
	tests TEXT, 
	created_at DATETIME, 
	updated_at DATETIME, 
	PRIMARY KEY (id), 
	FOREIGN KEY(verifier_uuid) REFERENCES verifiers (uuid)
);
CREATE TABLE workloads (
	id INTEGER NOT NULL, 
	uuid VARCHAR(36) NOT NULL, 
	task_uuid VARCHAR(36) NOT NULL, 
	subtask_uuid VARCHAR(36) NOT NULL, 
	name VARCHAR(64) NOT NULL, 
	description TEXT, 
	position INTEGER NOT NULL, 
	runner TEXT NOT NULL, 
	runner_type VARCHAR(64) NOT NULL, 
	contexts TEXT NOT NULL, 
	contexts_results TEXT NOT NULL, 
	sla TEXT NOT NULL, 
	sla_results TEXT NOT NULL, 
	args TEXT NOT NULL, 
	hooks TEXT NOT NULL, 
	start_time BIGINT, 
	load_duration FLOAT, 
	full_duration FLOAT, 
	min_duration FLOAT, 
	max_duration FLOAT, 
	total_iteration_count INTEGER, 
	failed_iteration_count INTEGER, 
	statistics TEXT NOT NULL, 
	pass_sla BOOLEAN, 
	_profiling_data TEXT, 
	created_at DATETIME, 
	updated_at DATETIME, 
	PRIMARY KEY (id), 
	FOREIGN KEY(task_uuid) REFERENCES tasks (uuid), 
	FOREIGN KEY(subtask_uuid) REFERENCES subtasks (uuid)
);
INSERT INTO workloads VALUES(1,'ecf8f1a4-23e9-42fc-b3a7-30760cff79ab','ad8da308-4334-482e-8592-5327b3bc3909','3c7ab69f-957a-44f0-9a47-d86c62b56204','Dummy.dummy','desc',3,'{"times": 1}','constant','{"c": 1}','[{"c": 1}]','{"s": 1}','{"sla": [{"criterion": "a", "success": false, "detail": "x"}]}','{"a": 1}','[{"config": {"a": 1}, "results": [], "summary": {}}]',1700000000123456.7499,3.5,7.0,0.25,2.5,3,1,'{"durations": {"total": {"data": {"iteration_count": 3, "min": 0.75, "median": 2.0, "90%ile": 2.8, "95%ile": 2.9, "max": 3.0, "avg": 1.917, "success": "66.7%"}, "count_per_iteration": 1, "name": "total", "display_name": "total", "children": [{"data": {"iteration_count": 3, "min": 0.25, "median": 1.5, "90%ile": 2.3, "95%ile": 2.4, "max": 2.5, "avg": 1.417, "success": "66.7%"}, "count_per_iteration": 1, "name": "duration", "display_name": "duration", "children": []}, {"data": {"iteration_count": 3, "min": 0.5, "median": 0.5, "90%ile": 0.5, "95%ile": 0.5, "max": 0.5, "avg": 0.5, "success": "66.7%"}, "count_per_iteration": 1, "name": "idle_duration", "display_name": "idle_duration", "children": []}]}, "atomics": [{"data": {"iteration_count": 3, "min": 0.25, "median": 1.5, "90%ile": 2.3, "95%ile": 2.4, "max": 2.5, "avg": 1.417, "success": "100.0%"}, "count_per_iteration": 1, "name": "a", "display_name": "a", "children": []}, {"data": {"iteration_count": 1, "min": 0.0, "median": 0, "90%ile": 0, "95%ile": 0, "max": 0.0, "avg": 0.0, "success": "0.0%"}, "count_per_iteration": 1, "name": "<no-name-action>", "display_name": "<no-name-action>", "children": []}]}}',0,'','2026-11-22 08:58:52.738854','2026-11-22 08:58:52.820333');
INSERT INTO workloads VALUES(2,'271471ae-e006-4039-b4f6-25805d0d95c9','1ec6600e-5c77-4c36-a00a-e096253b956e','6c7837e2-6997-40d2-bd7d-39889fdb02d7','Dummy.dummy','Sleep, inside of two nested atomic actions.',0,'{"times": 3, "concurrency": 1}','constant','{"dummy_context": {}}','[{"plugin_name": "dummy_context@default", "plugin_cfg": {}, "setup": {"started_at": 1795338000.7538683, "finished_at": 1795338000.753874, "atomic_actions": [], "error": null}, "cleanup": {"started_at": 1795338000.8681877, "finished_at": 1795338000.8688571, "atomic_actions": [], "error": null}}]','{"failure_rate": {"max": 0}}','{"sla": [{"criterion": "failure_rate", "success": true, "detail": "Failure rate criteria 0.00% <= 0.00% <= 0.00% - Passed"}]}','{"sleep": 0.01}','[]',1795338000796087.75,0.04025745391845703125,0.11532258987426757812,0.010165929794311523437,0.012001752853393554687,3,0,'{"durations": {"total": {"data": {"iteration_count": 3, "min": 0.01, "median": 0.011, "90%ile": 0.012, "95%ile": 0.012, "max": 0.012, "avg": 0.011, "success": "100.0%"}, "count_per_iteration": 1, "name": "total", "display_name": "total", "children": [{"data": {"iteration_count": 3, "min": 0.01, "median": 0.011, "90%ile": 0.012, "95%ile": 0.012, "max": 0.012, "avg": 0.011, "success": "100.0%"}, "count_per_iteration": 1, "name": "duration", "display_name": "duration", "children": []}, {"data": {"iteration_count": 3, "min": 0.0, "median": 0.0, "90%ile": 0.0, "95%ile": 0.0, "max": 0.0, "avg": 0.0, "success": "100.0%"}, "count_per_iteration": 1, "name": "idle_duration", "display_name": "idle_duration", "children": []}]}, "atomics": [{"data": {"iteration_count": 3, "min": 0.01, "median": 0.01, "90%ile": 0.012, "95%ile": 0.012, "max": 0.012, "avg": 0.011, "success": "100.0%"}, "count_per_iteration": 1, "name": "foo", "display_name": "foo", "children": [{"data": {"iteration_count": 3, "min": 0.01, "median": 0.01, "90%ile": 0.012, "95%ile": 0.012, "max": 0.012, "avg": 0.011, "success": "100.0%"}, "count_per_iteration": 1, "name": "bar", "display_name": "bar", "children": []}]}]}}',1,'','2026-11-22 09:00:00.713750','2026-11-22 09:00:02.790383');
CREATE TABLE workloaddata (
	id INTEGER NOT NULL, 
	uuid VARCHAR(36) NOT NULL, 
	task_uuid VARCHAR(36) NOT NULL, 
	workload_uuid VARCHAR(36) NOT NULL, 
	chunk_order INTEGER NOT NULL, 
	chunk_data TEXT NOT NULL, 
	iteration_count INTEGER NOT NULL, 
	failed_iteration_count INTEGER NOT NULL, 
	chunk_size INTEGER NOT NULL, 
	compressed_chunk_size INTEGER NOT NULL, 
	started_at DATETIME NOT NULL, 
	finished_at DATETIME NOT NULL, 
	created_at DATETIME, 
	updated_at DATETIME, 
	PRIMARY KEY (id), 
	FOREIGN KEY(task_uuid) REFERENCES tasks (uuid), 
	FOREIGN KEY(workload_uuid) REFERENCES workloads (uuid)
);
INSERT INTO workloaddata VALUES(1,'b4508b0a-b1ea-419f-9c79-2b7c558e4195','ad8da308-4334-482e-8592-5327b3bc3909','ecf8f1a4-23e9-42fc-b3a7-30760cff79ab',0,'{"raw": [{"timestamp": 1700000002.1234567, "duration": 2.5, "idle_duration": 0.5, "error": ["E", "m", "t"], "output": {"additive": [], "complete": []}, "atomic_actions": [{"name": "a", "started_at": 1700000002.1234567, "finished_at": 1700000004.6234567, "children": []}]}, {"timestamp": 1700000001.1234567, "duration": 1.5, "idle_duration": 0.5, "error": [], "output": {"additive": [], "complete": []}, "atomic_actions": [{"name": "a", "started_at": 1700000001.1234567, "finished_at": 1700000002.6234567, "children": []}]}]}',2,1,0,0,'2023-11-14 22:13:21.123457','2023-11-14 22:13:24.623457','2026-11-22 08:58:52.752761','2026-11-22 08:58:52.752766');
INSERT INTO workloaddata VALUES(2,'cb8a6eea-7b77-4ca8-ad81-323ca536fb8c','ad8da308-4334-482e-8592-5327b3bc3909','ecf8f1a4-23e9-42fc-b3a7-30760cff79ab',0,'{"raw": [{"timestamp": 1700000000.6234567, "duration": 0.25, "idle_duration": 0.5, "error": [], "output": {"additive": [], "complete": []}, "atomic_actions": [{"name": "a", "started_at": 1700000000.6234567, "finished_at": 1700000000.8734567, "children": []}]}]}',1,0,0,0,'2023-11-14 22:13:20.623457','2023-11-14 22:13:20.873457','2026-11-22 08:58:52.758970','2026-11-22 08:58:52.758973');
INSERT INTO workloaddata VALUES(3,'c20dfef9-b690-453c-9830-61613d9339e8','ad8da308-4334-482e-8592-5327b3bc3909','ecf8f1a4-23e9-42fc-b3a7-30760cff79ab',5,'{"raw": []}',0,0,0,0,'2026-11-22 08:58:52.763657','2026-11-22 08:58:52.763657','2026-11-22 08:58:52.765088','2026-11-22 08:58:52.765091');
INSERT INTO workloaddata VALUES(4,'de63cf59-3d86-4e79-ae50-a1e9006280af','1ec6600e-5c77-4c36-a00a-e096253b956e','271471ae-e006-4039-b4f6-25805d0d95c9',0,'{"raw": [{"duration": 0.010596752166748047, "timestamp": 1795338000.7960877, "idle_duration": 0.0, "error": [], "output": {"additive": [], "complete": []}, "atomic_actions": [{"name": "foo", "children": [{"name": "bar", "children": [], "started_at": 1795338000.7965055, "finished_at": 1795338000.8066654}], "started_at": 1795338000.796487, "finished_at": 1795338000.8066788}]}, {"duration": 0.010165929794311523, "timestamp": 1795338000.8099895, "idle_duration": 0.0, "error": [], "output": {"additive": [], "complete": []}, "atomic_actions": [{"name": "foo", "children": [{"name": "bar", "children": [], "started_at": 1795338000.810039, "finished_at": 1795338000.8201416}], "started_at": 1795338000.8100321, "finished_at": 1795338000.8201504}]}, {"duration": 0.012001752853393555, "timestamp": 1795338000.8243434, "idle_duration": 0.0, "error": [], "output": {"additive": [], "complete": []}, "atomic_actions": [{"name": "foo", "children": [{"name": "bar", "children": [], "started_at": 1795338000.824398, "finished_at": 1795338000.83633}], "started_at": 1795338000.824386, "finished_at": 1795338000.8363402}]}]}',3,0,0,0,'2026-11-22 09:00:00.796088','2026-11-22 09:00:00.836345','2026-11-22 09:00:02.776658','2026-11-22 09:00:02.776665');
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO alembic_version VALUES('bc908ac9a1fc');
CREATE UNIQUE INDEX env_name ON envs (name);
CREATE UNIQUE INDEX env_uuid ON envs (uuid);
CREATE INDEX env_status ON envs (status);
CREATE UNIQUE INDEX platform_uuid ON platforms (uuid);
CREATE INDEX platform_env_uuid ON platforms (env_uuid);
CREATE INDEX task_status ON tasks (status);
CREATE UNIQUE INDEX task_uuid ON tasks (uuid);
CREATE UNIQUE INDEX d_type_tag ON tags (uuid, type, tag);
CREATE UNIQUE INDEX verifier_uuid ON verifiers (uuid);
CREATE UNIQUE INDEX subtask_uuid ON subtasks (uuid);
CREATE INDEX subtask_status ON subtasks (status);
CREATE UNIQUE INDEX verification_uuid ON verifications (uuid);
CREATE UNIQUE INDEX workload_uuid ON workloads (uuid);
CREATE UNIQUE INDEX workload_data_uuid ON workloaddata (uuid);
COMMIT;
