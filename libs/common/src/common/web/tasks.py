"""How every service shows long work: a task, whose progress clients follow."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, Field

from common.web import fields

TaskStatus = Literal["PENDING", "STARTED", "SUCCESS", "FAILURE", "RETRY", "REVOKED"]
"""RETRY: an attempt ended before the work did, and another one will go on."""

FINISHED: frozenset[TaskStatus] = frozenset(("SUCCESS", "FAILURE", "REVOKED"))


class TaskProgress(BaseModel):
    """`total` is null until it is known."""

    done: fields.Count
    total: fields.Count | None
    note: Annotated[str | None, Field(examples=["importing"])]


class TaskError(BaseModel):
    """Why the task failed."""

    code: Annotated[str, Field(examples=["unreadable_file"])]
    message: fields.ErrorText


class TaskLinks(BaseModel):
    """Paths below the API's host; null where there is none."""

    href: Annotated[str, Field(serialization_alias="self", examples=["/api/v1/tasks/019c1f0c-7a10"])]
    stream: Annotated[str | None, Field(examples=[None])] = None
    result: Annotated[str | None, Field(examples=["/api/v1/products/imports/019c1f0c-7a10/rows"])] = None


class Task(BaseModel):
    """`attempts` counts the starts, `result` is set at SUCCESS, `error` at FAILURE."""

    id: UUID
    type: Annotated[str, Field(examples=["products.import"])]
    status: TaskStatus
    progress: TaskProgress
    result: Any = None
    error: TaskError | None
    attempts: fields.Count
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    owner_id: UUID | None
    links: TaskLinks
