"""What the server may refuse although its OpenAPI document allows it, and why.

A document says of what form requests are. It cannot say that a text is a query, that a field
exists, or that two members fit each other. For these, and nothing else, a refusal is no failure:
each by the code of the problem and the part of the request that it names.
"""

import json
import re

import schemathesis

# The text is a string to the document, a query in the language of DHR to the server.
QUERY = [("invalid_query", None)]
# Which indexes and fields there are depends on the records.
INDEXES = [("unknown_index", None)]
FIELDS = [("unknown_field", None)]
# An IANA name of a time zone; a document cannot list the hundreds that there are.
ZONE = [("invalid_request", r"(body\.|query\.)?time_zone")]
# A token is sealed by the server, and stands for one question of one user; offsets reach up to
# 10,000 with max_results, which is a rule about two members.
PAGE = [("bad_page_token", None), ("beyond_window", None)]
# Lengths in bytes; names that are all blank; public with an id, others without, two for one user.
FILTER = [("invalid_request", r"body\.(name|owner|description|allowed_indexes.*|share_permissions\[\d+\].*)")]
# Members that are read only have the value that they have.
PATCH = [("invalid_request", r"body\.(id|permission|favourite|created_at|updated_at|version)")]
# The version of If-Match is not the filter's.
VERSION = [("stale_version", None)]

# A query or a filter is asked for, not both and not neither; which formats and storages there are
# is configured; a title has a length in bytes; no column is there twice (which huma, told as uniqueItems, fails to check of
# a list with objects in it); the choices of a file must fit its format.
EXPORT = [("invalid_request", r"body\.(jql|filter_id|format|storage|as_of|fields|options(\..*)?)")]
# A page token is a place in a list, and a name has a length in bytes; a range is a text that must lie in the file.
PLACE = [("bad_page_token", None), ("invalid_request", r"query\.user_id")]

# What goes with which type of gadget, that gadgets do not overlap, that a filter is there: rules about several members.
GADGET = QUERY + INDEXES + FIELDS + [("invalid_request", r"body(\.(type|title|filter_id|config.*|position.*))?"), ("not_supported", None)]
BOARD = QUERY + INDEXES + FIELDS + [("invalid_request", r"body(\.(name|owner|description|share_permissions.*|gadgets.*))?")]
GADGET_PATCH = [("invalid_request", r"body\.(id|dashboard_id|created_at|updated_at|version)")]
# Which locales there are is not for a document to list; an image has so many pixels at most.
DRAWN = ZONE + [("invalid_request", r"query\.(locale|scale)")]

# To JSON Schema 48.0 is an integer; the server, like most, wants it written as one.
NO_INTEGER = re.compile(r"must be a whole number without a fraction, of 64 bits, got -?\d+(\.0+|\.?\d*[eE][+-]?\d+)")

REASONS = {
    "POST /v1/query": QUERY + INDEXES + FIELDS + ZONE + PAGE,
    "GET /v1/query": QUERY + INDEXES + FIELDS + ZONE + PAGE,
    "GET /v1/filters/{id}/records": QUERY + INDEXES + FIELDS + ZONE + PAGE,
    "POST /v1/query/validate": INDEXES,
    # An engine may have no words for a query, which is then answered from the records.
    "POST /v1/query/compile": QUERY + INDEXES + ZONE + [("not_supported", None)],
    # The cursor stands in the query, or at its end.
    "POST /v1/jql/complete": INDEXES + [("invalid_request", r"body\.cursor")],
    "GET /v1/jql/autocompletedata/suggestions": INDEXES + FIELDS + [("invalid_request", None), ("not_supported", None)],
    "POST /v1/filters": QUERY + INDEXES + FILTER,
    "PUT /v1/filters/{id}": QUERY + INDEXES + FILTER + PATCH + VERSION,
    "PATCH /v1/filters/{id}": QUERY + INDEXES + FILTER + PATCH + VERSION,
    "DELETE /v1/filters/{id}": VERSION,
    "POST /v1/filters/{id}/copy": FILTER,
    "PUT /v1/filters/{id}/owner": FILTER + VERSION,
    "PUT /v1/filters/{id}/permissions": FILTER + VERSION,
    "POST /v1/dashboards": BOARD,
    "PUT /v1/dashboards/{id}": BOARD + PATCH + VERSION,
    "PATCH /v1/dashboards/{id}": BOARD + PATCH + VERSION,
    "DELETE /v1/dashboards/{id}": VERSION,
    "POST /v1/dashboards/{id}/copy": FILTER,
    "PUT /v1/dashboards/{id}/owner": FILTER + VERSION,
    "PUT /v1/dashboards/{id}/permissions": FILTER + VERSION,
    "POST /v1/dashboards/{id}/gadgets": GADGET,
    "GET /v1/dashboards/{id}/data": ZONE,
    "GET /v1/dashboards/{id}/report.pdf": DRAWN,
    "PUT /v1/dashboards/{id}/gadgets/{gadget_id}": GADGET + VERSION,
    "PATCH /v1/dashboards/{id}/gadgets/{gadget_id}": GADGET + GADGET_PATCH + VERSION,
    "DELETE /v1/dashboards/{id}/gadgets/{gadget_id}": VERSION,
    "PUT /v1/gadgets/{id}": GADGET + VERSION,
    "PATCH /v1/gadgets/{id}": GADGET + GADGET_PATCH + VERSION,
    "DELETE /v1/gadgets/{id}": VERSION,
    "POST /v1/gadgets/preview": GADGET + ZONE,
    "GET /v1/gadgets/{id}/data": ZONE,
    "GET /v1/gadgets/{id}/chart.svg": DRAWN,
    "GET /v1/gadgets/{id}/chart.png": DRAWN,
    "POST /v1/exports": QUERY + INDEXES + FIELDS + EXPORT,
    "POST /export/bulk": QUERY + INDEXES + FIELDS + EXPORT,
    "POST /v1/exports/preview": QUERY + INDEXES + FIELDS + EXPORT + [("too_much_for_format", None)],
    "GET /v1/exports": PLACE,
    "GET /v1/fhir-exports": PLACE,
    "GET /v1/exports/{id}/files/{n}": [("range_not_satisfiable", None), ("precondition_failed", None), ("export_expired", None)],
}


@schemathesis.hook
def filter_failure(context, failure, case, response):
    """Keep every failure but refusals of what is well formed, for a reason that is listed."""
    # A URL beyond 64 KB is refused by net/http, before there is a route whose document could say so.
    if response.status_code == 431:
        return False
    if "positive_data_acceptance" not in failure.checks:
        return True
    try:
        problem = json.loads(response.content)
        code = problem["code"]
        places = [e.get("location") or "" for e in problem.get("errors", [])]
    except (ValueError, KeyError, TypeError):
        return True
    if all(NO_INTEGER.fullmatch(e.get("message") or "") for e in problem.get("errors", [])) and places:
        return False
    for reason, place in REASONS.get(case.operation.label, []):
        if code == reason and (place is None or places and all(re.fullmatch(place, p) for p in places)):
            return False
    return True
