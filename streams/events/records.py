"""Records: facts about people, tickets and changes that may be corrected later."""

from typing import Annotated, Literal

import msgspec

from streams.events.fields import Count, Dimension, Id, OptionalId, Revision, Sourced, Text, TimeMs

FeedbackState = Literal["partial", "final", "retracted"]
InvitationOutcome = Literal["pending", "shown", "answered", "dismissed", "expired"]
TicketKind = Literal["opened", "assigned", "resolved", "reopened", "closed"]
ChangeKind = Literal["deploy", "wave", "process", "exclusion"]
ActionKind = Literal["ack", "exclusion", "maintenance"]
Score = Annotated[int, msgspec.Meta(ge=0, le=10)]
Minutes = Annotated[int, msgspec.Meta(ge=0, le=100_000)]
Factors = Annotated[list[Dimension], msgspec.Meta(max_length=50)]


class Record(Sourced, frozen=True, kw_only=True):
    """A revisable fact with the dimensions of the records lane (empty = unknown)."""

    revision: Revision
    country: Dimension = ""
    site: Dimension = ""
    business_unit: Dimension = ""
    service: Dimension = ""
    channel: Dimension = ""
    assignment_group: Dimension = ""
    touchpoint: Dimension = ""


class Feedback(Record, frozen=True, kw_only=True, tag="feedback"):
    """An answer of one person; `event_time_ms` is when it was given.

    Attributes:
        person: Pseudonym of the respondent.
        score: 0 to 10 on the scale "0-10"; None = not answered.
        scale: Only "0-10" feeds happiness; other scales stay apart.
        lost_minutes: Working time lost, minutes; None = not answered.
        comment_ref: Where the comment lies; never the words.
    """

    response_id: Id
    state: FeedbackState
    person: Id
    score: Score | None = None
    scale: Dimension = "0-10"
    lost_minutes: Minutes | None = None
    factors: Factors = []
    invitation_id: OptionalId = ""
    ticket_id: OptionalId = ""
    signal_id: OptionalId = ""
    comment_ref: OptionalId = ""


class Invitation(Record, frozen=True, kw_only=True, tag="invitation"):
    """A question put to one person; `event_time_ms` is when it was sent."""

    invitation_id: Id
    person: Id
    outcome: InvitationOutcome
    reason: Dimension = ""


class Ticket(Record, frozen=True, kw_only=True, tag="ticket"):
    """A ticket as it stands at this revision; `event_time_ms` is when it changed."""

    ticket_id: Id
    kind: TicketKind
    person: OptionalId = ""
    category: Dimension = ""
    reassignment_count: Count = 0
    reopen_count: Count = 0
    made_sla: bool | None = None


class Change(Record, frozen=True, kw_only=True, tag="change"):
    """A deliberate change of the environment; `event_time_ms` is its actual start."""

    change_id: Id
    kind: ChangeKind
    application: Dimension = ""
    wave: Count | None = None
    end_ms: TimeMs | None = None
    title: Text = ""


class Erasure(Record, frozen=True, kw_only=True, tag="erasure"):
    """A person is to be forgotten; `event_time_ms` is when that was asked for.

    Attributes:
        subject: Who: `streams.erasures.subject_of` the pseudonym, from which it cannot be read.
    """

    erasure_id: Id
    subject: Id


class Action(Record, frozen=True, kw_only=True, tag="action"):
    """What an operator did about a target or an alert; `event_time_ms` is when it holds from."""

    action_id: Id
    kind: ActionKind
    actor: Id
    target: OptionalId = ""
    alert_id: OptionalId = ""
    end_ms: TimeMs | None = None
    reason: Text = ""
