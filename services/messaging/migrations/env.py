"""Alembic's entry: everything lives in common.persistence.migrations."""

from common.persistence.migrations import run_env

run_env()
