"""The team whose work the demo shows; each of them can sign in."""

from dataclasses import dataclass

from project.accounts.groups import CRM_STAFF, MANAGERS, READ_ONLY, SUPPORT_AGENTS


@dataclass(frozen=True)
class Colleague:
    username: str
    first_name: str
    last_name: str
    group: str


COLLEAGUES = (
    Colleague("amina", "Amina", "Okafor", CRM_STAFF),
    Colleague("tariq", "طارق", "الحداد", CRM_STAFF),
    Colleague("jonas", "Jonas", "Lindqvist", SUPPORT_AGENTS),
    Colleague("lucia", "Lucía", "Fernández Ortega", SUPPORT_AGENTS),
    Colleague("mei", "美玲", "陳", MANAGERS),
    Colleague("viktor", "Viktor", "Novák", READ_ONLY),
)
