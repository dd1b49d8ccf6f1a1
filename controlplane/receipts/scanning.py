"""Looking into the lines of receipts for what no column holds. It reads every line that other filters leave."""

from django.db import connection
from django.db.models import BinaryField, F, Func, IntegerField, Q, Value
from django.db.models.lookups import GreaterThan

from enforcer.contract.canonical import canonical


def of_trace(trace_id: str) -> Q:
    """Receipts of one trace: lines are canonical JSON, so the key and its value stand there in exactly one way."""
    needle = Value(canonical({"trace_id": trace_id})[1:-1], BinaryField())
    if connection.vendor == "postgresql":
        place = Func(needle, F("line"), function="POSITION", arg_joiner=" IN ", output_field=IntegerField())
    else:
        place = Func(F("line"), needle, function="INSTR", output_field=IntegerField())
    return Q(GreaterThan(place, 0))
