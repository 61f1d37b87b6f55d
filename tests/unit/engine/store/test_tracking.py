"""MLflow's tables in a workspace that was left in the middle of making them."""

import pytest
import sqlalchemy as sa

from engine.store import tracking
from engine.store.database import reading, writing


@pytest.mark.slow
def test_a_process_killed_while_mlflow_made_its_tables_leaves_a_workspace_that_works() -> None:
    with writing() as connection:
        connection.exec_driver_sql("CREATE TABLE _alembic_tmp_experiments (left_behind INTEGER)")
        connection.exec_driver_sql("CREATE TABLE experiments_of_another (kept INTEGER)")
        connection.exec_driver_sql("ALTER TABLE experiments_of_another RENAME TO _alembic_tmp_left")
    with writing() as connection:
        connection.exec_driver_sql("CREATE TABLE left (before INTEGER)")
    tracking._client.cache_clear()
    tracking._mend()
    with reading() as connection:
        tables = set(sa.inspect(connection).get_table_names())
    assert not {table for table in tables if table.startswith("_alembic_tmp_")}
    assert {"experiments", "left"} <= tables  # the copy took the name of what was dropped; the other one was undone
