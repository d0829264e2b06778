"""What was used, summed up from the sums by day."""

from uuid import UUID

from django.db.models import Sum

from apps.metering.models import Resource, UsageDay


def used_in_all(team_id: UUID) -> dict[Resource, int]:
    """Return what the team has used since it exists; of storage and documents what is there now."""
    rows = UsageDay.objects.filter(team_key=team_id).values_list("resource").annotate(amount=Sum("amount"))
    return {Resource(resource): amount for resource, amount in rows}
