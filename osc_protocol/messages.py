"""All messages under one name, and the table that their classes make."""

from osc_protocol.conform import Conform as Conform
from osc_protocol.generate import Generate as Generate
from osc_protocol.jobs import *  # noqa: F403
from osc_protocol.message import CLASSES as CLASSES
from osc_protocol.message import Command as Command
from osc_protocol.message import Event as Event
from osc_protocol.message import Message as Message
from osc_protocol.message import Reply as Reply
from osc_protocol.message import Row as Row
from osc_protocol.plan import Plan as Plan
from osc_protocol.sessions import *  # noqa: F403
from osc_protocol.split import Split as Split

TABLE: tuple[Row, ...] = tuple(cls.row for cls in CLASSES.values())
AnyRequest = Generate | Split | Conform  # a Plan is a Generate that plays nothing
REQUESTS: dict[str, type[AnyRequest]] = {cls.kind: cls for cls in (Generate, Split, Plan, Conform)}
