"""What every check returns: sections of findings, each with what to do about it."""

from dataclasses import dataclass, field

MIGRATE = "python manage.py migrate"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report. ``remedy`` is what to run or do about it, only where ``ok`` is false."""

    ok: bool
    text: str
    remedy: str = ""


@dataclass
class Section:
    """Findings under one heading."""

    title: str
    findings: list[Finding] = field(default_factory=list)

    def require(self, ok: bool, good: str, bad: str, remedy: str) -> bool:
        self.findings.append(Finding(True, good) if ok else Finding(False, bad, remedy))
        return ok

    def wrong(self, text: str, remedy: str) -> None:
        self.findings.append(Finding(False, text, remedy))

    def everything(self, good: str) -> None:
        """Adds one line for everything that was checked, if nothing was wrong with any of it."""
        if all(finding.ok for finding in self.findings):
            self.findings.append(Finding(True, good))
