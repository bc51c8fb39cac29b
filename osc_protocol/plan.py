"""The request to write the lead sheet that generate would play."""

from osc_protocol.generate import Generate


class Plan(Generate, address="/backline/plan", answers=("Accepted",), kind="plan"):
    """Writes the lead sheet that generate would play for the same fields, and plays nothing.

    Its folder can be the `plan_path` of a generate, as it is or edited.
    """
