CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
CREATE TABLE blob (
	sha256 VARCHAR(64) NOT NULL, 
	size INTEGER NOT NULL, 
	zstd BLOB NOT NULL, dictionary INTEGER CONSTRAINT fk_blob_dictionary_dictionary REFERENCES dictionary (id), 
	CONSTRAINT pk_blob PRIMARY KEY (sha256)
);
CREATE TABLE host (
	name VARCHAR NOT NULL, 
	next_at DATETIME NOT NULL, wanted_until DATETIME, 
	CONSTRAINT pk_host PRIMARY KEY (name)
);
CREATE TABLE listing (
	source VARCHAR NOT NULL, 
	url TEXT NOT NULL, 
	etag TEXT, 
	last_modified TEXT, 
	polled_at DATETIME NOT NULL, 
	CONSTRAINT pk_listing PRIMARY KEY (source, url)
);
CREATE TABLE notice (
	id INTEGER NOT NULL, 
	at DATETIME NOT NULL, 
	source VARCHAR, 
	state VARCHAR NOT NULL, 
	"before" VARCHAR NOT NULL, 
	since DATETIME NOT NULL, 
	detail TEXT NOT NULL, 
	fields JSON NOT NULL, 
	pages JSON NOT NULL, 
	CONSTRAINT pk_notice PRIMARY KEY (id)
);
CREATE INDEX ix_notice_source ON notice (source);
CREATE TABLE robots (
	origin TEXT NOT NULL, 
	text TEXT NOT NULL, 
	read_at DATETIME NOT NULL, 
	CONSTRAINT pk_robots PRIMARY KEY (origin)
);
CREATE TABLE source (
	"key" VARCHAR NOT NULL, 
	baseline_at DATETIME, 
	due_at DATETIME NOT NULL, 
	leased_by VARCHAR, 
	leased_until DATETIME, 
	state VARCHAR NOT NULL, 
	state_since DATETIME NOT NULL, 
	detail TEXT DEFAULT '' NOT NULL, 
	failures INTEGER DEFAULT '0' NOT NULL, 
	idle INTEGER DEFAULT '0' NOT NULL, 
	polled_at DATETIME, 
	answered BOOLEAN DEFAULT '1' NOT NULL, 
	CONSTRAINT pk_source PRIMARY KEY ("key")
);
CREATE TABLE story (
	id INTEGER NOT NULL, 
	"key" VARCHAR(64) NOT NULL, 
	created_at DATETIME NOT NULL, 
	last_at DATETIME NOT NULL, merged_into INTEGER CONSTRAINT fk_story_merged_into_story REFERENCES story (id), 
	CONSTRAINT pk_story PRIMARY KEY (id), 
	CONSTRAINT uq_story_key UNIQUE ("key")
);
CREATE TABLE unit (
	id INTEGER NOT NULL, 
	source VARCHAR NOT NULL, 
	way VARCHAR NOT NULL, 
	"key" TEXT NOT NULL, 
	url TEXT NOT NULL, 
	since DATETIME, 
	until DATETIME, 
	created_at DATETIME NOT NULL, 
	state VARCHAR NOT NULL, 
	reason TEXT DEFAULT '' NOT NULL, 
	pages INTEGER DEFAULT '0' NOT NULL, 
	last_keys JSON NOT NULL, 
	attempts INTEGER DEFAULT '0' NOT NULL, 
	due_at DATETIME, 
	leased_by VARCHAR, 
	leased_until DATETIME, start_url TEXT, page_url TEXT, 
	CONSTRAINT pk_unit PRIMARY KEY (id), 
	CONSTRAINT uq_unit_source_way_key UNIQUE (source, way, "key")
);
CREATE TABLE article (
	id INTEGER NOT NULL, 
	source VARCHAR NOT NULL, 
	site_id TEXT, 
	url TEXT, 
	address TEXT, 
	content_key VARCHAR(64) NOT NULL, 
	folded_key VARCHAR(64) NOT NULL, 
	kicker TEXT NOT NULL, 
	title TEXT NOT NULL, 
	lead TEXT NOT NULL, 
	text TEXT NOT NULL, 
	published DATETIME, 
	published_text TEXT, 
	has_time BOOLEAN NOT NULL, 
	section TEXT, 
	province TEXT, 
	tags JSON NOT NULL, 
	codes JSON NOT NULL, 
	complete BOOLEAN NOT NULL, 
	fetched DATETIME, 
	modified DATETIME, 
	rights TEXT, 
	revision INTEGER NOT NULL, 
	story INTEGER NOT NULL, 
	saved_at DATETIME NOT NULL, 
	via VARCHAR NOT NULL, withdrawn_at DATETIME, 
	CONSTRAINT pk_article PRIMARY KEY (id), 
	CONSTRAINT fk_article_story FOREIGN KEY(story) REFERENCES story (id)
);
CREATE INDEX ix_article_content_key ON article (content_key);
CREATE INDEX ix_article_published ON article (published);
CREATE INDEX ix_article_source_saved_at ON article (source, saved_at);
CREATE INDEX ix_article_story ON article (story);
CREATE UNIQUE INDEX uq_article_address ON article (source, address);
CREATE UNIQUE INDEX uq_article_site_id ON article (source, site_id);
CREATE TABLE message (
	id INTEGER NOT NULL, 
	"key" VARCHAR(64) NOT NULL, 
	channel VARCHAR NOT NULL, 
	story INTEGER, 
	parts JSON NOT NULL, 
	next_part INTEGER DEFAULT '0' NOT NULL, 
	attempts INTEGER DEFAULT '0' NOT NULL, 
	state VARCHAR NOT NULL, 
	error TEXT DEFAULT '' NOT NULL, 
	closed_at DATETIME NOT NULL, 
	sent_at DATETIME, 
	due_at DATETIME NOT NULL, 
	leased_by VARCHAR, 
	leased_until DATETIME, digest VARCHAR, via VARCHAR DEFAULT '' NOT NULL, taken JSON DEFAULT '[]' NOT NULL, away_since DATETIME, unsure BOOLEAN DEFAULT 0 NOT NULL, tried_at DATETIME, 
	CONSTRAINT pk_message PRIMARY KEY (id), 
	CONSTRAINT fk_message_story FOREIGN KEY(story) REFERENCES story (id), 
	CONSTRAINT uq_message_key UNIQUE ("key")
);
CREATE INDEX ix_message_state_due_at ON message (state, due_at);
CREATE INDEX ix_message_story_channel ON message (story, channel);
CREATE TABLE alert (
	id INTEGER NOT NULL, 
	story INTEGER NOT NULL, 
	rule VARCHAR NOT NULL, 
	title TEXT NOT NULL, 
	priority VARCHAR NOT NULL, 
	live BOOLEAN NOT NULL, 
	raised_at DATETIME NOT NULL, 
	article INTEGER NOT NULL, 
	revision INTEGER NOT NULL, acked_at DATETIME, acked_by VARCHAR, source VARCHAR, province TEXT, 
	CONSTRAINT pk_alert PRIMARY KEY (id), 
	CONSTRAINT fk_alert_article FOREIGN KEY(article) REFERENCES article (id), 
	CONSTRAINT fk_alert_story FOREIGN KEY(story) REFERENCES story (id), 
	CONSTRAINT uq_alert_story_rule UNIQUE (story, rule)
);
CREATE INDEX ix_alert_raised_at ON alert (raised_at);
CREATE TABLE link (
	id INTEGER NOT NULL, 
	source VARCHAR NOT NULL, 
	"key" TEXT NOT NULL, 
	url TEXT NOT NULL, 
	site_id TEXT, 
	kicker TEXT NOT NULL, 
	title TEXT NOT NULL, 
	lead TEXT NOT NULL, 
	published DATETIME, 
	section TEXT, 
	via VARCHAR NOT NULL, 
	baseline BOOLEAN NOT NULL, 
	noted_at DATETIME NOT NULL, 
	state VARCHAR NOT NULL, 
	reason TEXT DEFAULT '' NOT NULL, 
	attempts INTEGER DEFAULT '0' NOT NULL, 
	due_at DATETIME, 
	leased_by VARCHAR, 
	leased_until DATETIME, 
	article INTEGER, 
	CONSTRAINT pk_link PRIMARY KEY (id), 
	CONSTRAINT fk_link_article FOREIGN KEY(article) REFERENCES article (id), 
	CONSTRAINT uq_link_source_key UNIQUE (source, "key")
);
CREATE INDEX ix_link_source_due_at ON link (source, due_at);
CREATE TABLE "match" (
	id INTEGER NOT NULL, 
	article INTEGER NOT NULL, 
	revision INTEGER NOT NULL, 
	rule VARCHAR NOT NULL, 
	term TEXT NOT NULL, 
	field VARCHAR NOT NULL, 
	start INTEGER NOT NULL, 
	"end" INTEGER NOT NULL, 
	text TEXT NOT NULL, 
	sentence_start INTEGER NOT NULL, 
	sentence_end INTEGER NOT NULL, 
	CONSTRAINT pk_match PRIMARY KEY (id), 
	CONSTRAINT fk_match_article FOREIGN KEY(article) REFERENCES article (id)
);
CREATE INDEX ix_match_article_revision ON "match" (article, revision);
CREATE TABLE notification (
	id INTEGER NOT NULL, 
	alert INTEGER, 
	notice INTEGER, 
	channel VARCHAR NOT NULL, 
	due_at DATETIME NOT NULL, 
	state VARCHAR NOT NULL, 
	message INTEGER, digest VARCHAR, step INTEGER DEFAULT '0' NOT NULL, 
	CONSTRAINT pk_notification PRIMARY KEY (id), 
	CONSTRAINT fk_notification_alert FOREIGN KEY(alert) REFERENCES alert (id), 
	CONSTRAINT fk_notification_message FOREIGN KEY(message) REFERENCES message (id), 
	CONSTRAINT fk_notification_notice FOREIGN KEY(notice) REFERENCES notice (id), 
	CONSTRAINT uq_notification_alert_channel UNIQUE (alert, channel), 
	CONSTRAINT uq_notification_notice_channel UNIQUE (notice, channel)
);
CREATE INDEX ix_notification_message ON notification (message);
CREATE INDEX ix_notification_state_due_at ON notification (state, due_at);
CREATE TABLE page (
	id INTEGER NOT NULL, 
	source VARCHAR NOT NULL, 
	kind VARCHAR NOT NULL, 
	url TEXT NOT NULL, 
	fetched DATETIME NOT NULL, 
	status INTEGER NOT NULL, 
	headers JSON NOT NULL, 
	blob VARCHAR(64) NOT NULL, 
	link INTEGER, 
	article INTEGER, 
	problem TEXT, 
	field VARCHAR, 
	CONSTRAINT pk_page PRIMARY KEY (id), 
	CONSTRAINT fk_page_article FOREIGN KEY(article) REFERENCES article (id), 
	CONSTRAINT fk_page_blob FOREIGN KEY(blob) REFERENCES blob (sha256), 
	CONSTRAINT fk_page_link FOREIGN KEY(link) REFERENCES link (id)
);
CREATE INDEX ix_page_article ON page (article);
CREATE INDEX ix_page_link ON page (link);
CREATE INDEX ix_page_source_kind_fetched ON page (source, kind, fetched);
CREATE INDEX ix_page_source_url ON page (source, url);
CREATE TABLE revision (
	article INTEGER NOT NULL, 
	number INTEGER NOT NULL, 
	at DATETIME NOT NULL, 
	page INTEGER, 
	kicker TEXT NOT NULL, 
	title TEXT NOT NULL, 
	lead TEXT NOT NULL, 
	text TEXT NOT NULL, 
	CONSTRAINT pk_revision PRIMARY KEY (article, number), 
	CONSTRAINT fk_revision_article FOREIGN KEY(article) REFERENCES article (id), 
	CONSTRAINT fk_revision_page FOREIGN KEY(page) REFERENCES page (id)
);
CREATE TABLE unit_link (
	unit INTEGER NOT NULL, 
	link INTEGER NOT NULL, 
	CONSTRAINT pk_unit_link PRIMARY KEY (unit, link), 
	CONSTRAINT fk_unit_link_unit_unit FOREIGN KEY(unit) REFERENCES unit (id), 
	CONSTRAINT fk_unit_link_link_link FOREIGN KEY(link) REFERENCES link (id)
);
CREATE INDEX ix_unit_link_link ON unit_link (link);
CREATE INDEX ix_unit_source_state ON unit (source, state);
CREATE INDEX ix_link_source_published ON link (source, published);
CREATE INDEX ix_link_leased ON link (source, via) WHERE leased_by IS NOT NULL;
CREATE TABLE "indexed" (
	article INTEGER NOT NULL, 
	place BIGINT NOT NULL, 
	revision INTEGER NOT NULL, 
	facts TEXT NOT NULL, 
	CONSTRAINT pk_indexed PRIMARY KEY (article), 
	CONSTRAINT fk_indexed_article FOREIGN KEY(article) REFERENCES article (id)
);
CREATE VIRTUAL TABLE search_tokens USING fts5(keys, content='', tokenize='ascii');
CREATE INDEX ix_story_merged_into ON story (merged_into) WHERE merged_into IS NOT NULL;
CREATE TABLE sentence (
	"key" BIGINT NOT NULL, 
	article INTEGER NOT NULL, 
	CONSTRAINT pk_sentence PRIMARY KEY ("key", article)
)
 WITHOUT ROWID

;
CREATE TABLE frequency (
	"key" BIGINT NOT NULL, 
	source VARCHAR NOT NULL, 
	stories INTEGER NOT NULL, 
	CONSTRAINT pk_frequency PRIMARY KEY ("key", source)
)
 WITHOUT ROWID

;
CREATE TABLE holding (
	source VARCHAR NOT NULL, 
	articles INTEGER NOT NULL, 
	CONSTRAINT pk_holding PRIMARY KEY (source)
);
CREATE TABLE dictionary (
	id INTEGER NOT NULL, 
	source VARCHAR NOT NULL, 
	content BLOB NOT NULL, 
	samples INTEGER NOT NULL, 
	made_at DATETIME NOT NULL, 
	judged_at DATETIME NOT NULL, 
	CONSTRAINT pk_dictionary PRIMARY KEY (id)
);
CREATE INDEX ix_dictionary_source ON dictionary (source);
CREATE INDEX ix_blob_plain ON blob (sha256) WHERE dictionary IS NULL;
CREATE INDEX ix_page_blob ON page (blob);
CREATE INDEX ix_revision_page ON revision (page);
CREATE TABLE chore (
	name VARCHAR NOT NULL, 
	done_at DATETIME, 
	leased_by VARCHAR, 
	leased_until DATETIME, 
	CONSTRAINT pk_chore PRIMARY KEY (name)
);
CREATE TABLE ruleset (
	path TEXT NOT NULL, 
	hash VARCHAR(64) NOT NULL, 
	files JSON NOT NULL, 
	since DATETIME NOT NULL, 
	broken VARCHAR(64) DEFAULT '' NOT NULL, 
	problem TEXT DEFAULT '' NOT NULL, 
	broken_since DATETIME, 
	CONSTRAINT pk_ruleset PRIMARY KEY (path)
);
CREATE TABLE mute (
	rule VARCHAR NOT NULL, 
	until DATETIME, 
	muted_at DATETIME NOT NULL, 
	muted_by VARCHAR NOT NULL, 
	CONSTRAINT pk_mute PRIMARY KEY (rule)
);
CREATE TABLE label (
	alert INTEGER NOT NULL, 
	relevant BOOLEAN NOT NULL, 
	sentences JSON NOT NULL, 
	said_at DATETIME NOT NULL, 
	said_by VARCHAR NOT NULL, 
	CONSTRAINT pk_label PRIMARY KEY (alert), 
	CONSTRAINT fk_label_alert FOREIGN KEY(alert) REFERENCES alert (id)
);
CREATE INDEX ix_alert_source_id ON alert (source, id);
CREATE INDEX ix_alert_province_id ON alert (province, id);
CREATE INDEX ix_alert_article ON alert (article);
CREATE INDEX ix_alert_rule_id ON alert (rule, id);
CREATE INDEX ix_alert_acked_at ON alert (acked_at) WHERE acked_at IS NOT NULL;
CREATE INDEX ix_article_watched ON article (source, saved_at, published) WHERE via = 'watch';
CREATE INDEX ix_link_state ON link (source, state) WHERE state <> 'stored';
INSERT INTO alembic_version VALUES ('0010');
