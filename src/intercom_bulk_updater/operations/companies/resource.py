"""Companies, as the rest of the package needs to know them. Only Intercom's Preview version can search them: they are listed."""

from __future__ import annotations

from ..resource import UPDATED, Column, Count, Resource

RESOURCE = Resource(
    name="companies",
    singular="company",
    search="",
    listing="companies/list",
    scroll="companies/scroll",
    count=Count("POST", "companies/list", {"per_page": 1}),
    columns=(
        Column("id", ("id",)),
        Column("company id", ("company_id",)),
        Column("users", ("user_count",), "number"),
        UPDATED,
        Column("name", ("name",)),
    ),
    settable={
        "name": "string", "plan": "string", "size": "integer", "website": "string", "industry": "string", "monthly_spend": "integer",
    },
    listed=(
        "id", "link", "company_id", "name", "plan.name", "user_count", "session_count", "monthly_spend", "tags", "created_at",
        "last_request_at", "updated_at",
    ),
    keys=("company_id",),
    watched=("name", "company_id", "plan", "size", "website", "industry", "monthly_spend", "custom_attributes", "tags", "user_count"),
    page="a/apps/{workspace}/companies/{id}",
    examples=(
        "--where 'spend > 1000'",
        "--where 'plan = Pro' -o pro.xlsx",
        "--where 'users = 1 and seen < 365d' --count",
    ),
    rank=3,
)
