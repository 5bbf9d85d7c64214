"""What a sandbox needs besides the tables: people who can log in, and a shop with a name."""

from __future__ import annotations

from dataclasses import dataclass

from django.contrib.auth.models import Group, User

from refunds.models import Shop

PASSWORD = "sandbox-refunds"  # noqa: S105 - known to everybody, and printed: the sandbox answers on this machine only


@dataclass(frozen=True)
class Person:
    username: str
    first_name: str
    last_name: str
    group: str
    may: str


PEOPLE = (
    Person("agent", "Ada", "Lind", "Refund agents", "looks at cases and declines"),
    Person("approver", "Per", "Holm", "Refund approvers", "approves as well, and settles doubts"),
    Person("admin", "Sam", "Root", "", "may do everything"),
)


def prepare() -> None:
    """Makes what is missing and leaves alone what is there."""
    Shop.current()
    for person in PEOPLE:
        if not User.objects.filter(username=person.username).exists():
            _hire(person)


def _hire(person: Person) -> None:
    user = User.objects.create_user(
        person.username,
        f"{person.username}@shop.example",
        PASSWORD,
        first_name=person.first_name,
        last_name=person.last_name,
        is_staff=True,
        is_superuser=not person.group,
    )
    if person.group:
        user.groups.add(Group.objects.get(name=person.group))
