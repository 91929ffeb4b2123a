-- The second of two databases on one PostgreSQL: ours is POSTGRES_DB, this one is Prefect's.
CREATE DATABASE prefect OWNER didban ENCODING 'UTF8' TEMPLATE template0;
