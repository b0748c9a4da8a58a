"""Every list, detail and CSV call of cyapi against a simulator; what came is written as JSON.

Called with one JSON file that says where the simulator is and where to write. A call that breaks ends it, named.
"""

import contextlib
import json
import sys

# Calls that hand out a link or ask a device for something: neither lists nor details.
LINKS = ["get_agent_installer_link", "get_threat_download_url", "check_file_retrieval_status_from_device"]
# What the other calls are made of, and what only looks into a policy that is at hand.
HELPERS = ["get_item", "get_list_items", "get_policy_item"]
READS = ("get_", "search_", "retrieve_", "check_")


class Calls:
    """Makes calls, keeps their names, and tells which one broke."""

    def __init__(self, api):
        self.api = api
        self.made = set()

    def __call__(self, name, *args, **kwargs):
        self.made.add(name)
        said = ", ".join([repr(one) for one in args] + [f"{key}={value!r}" for key, value in kwargs.items()])
        try:
            response = getattr(self.api, name)(*args, **kwargs)
        except Exception as error:
            raise SystemExit(f"{name}({said}) broke: {type(error).__name__}: {error}") from error
        if not response.is_success:
            raise SystemExit(f"{name}({said}) answered {response.status_code}: {response.errors}")
        if response.data is None:
            raise SystemExit(f"{name}({said}) answered nothing")
        return response.data


def member(items, name):
    return [item[name] for item in items]


def detections(call, given):
    found = call("get_detections")
    ids = member(found, "Id")
    day = {"zulu_start": given["start"], "zulu_end": given["end"]}
    sorts = ["Severity", "OccurrenceTime", "Status", "Device", "PhoneticId", "Description", "ReceivedTime"]
    return {
        "detections": ids,
        "since": member(call("get_recent_detections", given["start"]), "Id"),
        "range": member(call("get_detections", **day), "Id"),
        "high": member(call("get_detections", severity="High", status="New"), "Id"),
        "sorted": {sort: member(call("get_detections", sort=sort), "Id") for sort in sorts},
        "csv": call("get_detections", csv=True),
        # As clients read them, without a guard.
        "list members": sorted({name for item in found for name in item}),
        "devices of detections": [item["Device"]["CylanceId"] for item in found],
        "detection": call("get_detection", ids[0])["Id"],
        "details": [[one["Id"], one["DetectionRule"]["Name"]] for one in call("get_bulk_detection", ids)],
        "severities": call("get_detections_by_severity"),
    }


def queries(call):
    every = member(call("get_instaqueries", archived=True), "id")
    results = {}
    for query in every:
        reply = call("get_instaquery_results", query)
        entries = [(one["DeviceId"], json.loads(one["Result"])["Uid"]) for one in reply["result"]]
        results[query] = sorted({f"{device}|{uid}" for device, uid in entries})
    return {
        "queries": every,
        "open queries": member(call("get_instaqueries"), "id"),
        "query": [call("get_instaquery", query)["id"] for query in every],
        "results": results,
    }


def devices(call):
    every = call("get_devices")
    ids = member(every, "id")
    first_mac = every[0]["mac_addresses"][0].replace(":", "-")
    zones = member(call("get_zones"), "id")
    return {
        "devices": ids,
        "extended devices": member(call("get_devices_extended"), "id"),
        "device count": sum(member(call("get_device_count"), "device_count")),
        "device": call("get_device", ids[0])["id"],
        "bulk devices": member(call("get_bulk_device", ids), "id"),
        "devices by mac": member(call("get_device_by_mac", first_mac), "id"),
        "device threats": [len(call("get_device_threats", device)) for device in ids],
        "lockdowns": sum(len(call("get_device_lockdown_history", device)["lockdown_history"]) for device in ids),
        "zones": zones,
        "zone": call("get_zone", zones[0])["id"],
        "bulk zones": member(call("get_bulk_zone", zones), "id"),
        "zone devices": member(call("get_zone_devices", zones[0]), "id"),
        "device zones": member(call("get_device_zones", ids[0]), "id"),
    }


def rules(call):
    ids = member(call("get_detection_rules"), "Id")
    sets = member(call("get_rulesets"), "id")
    exceptions = member(call("get_detection_exceptions"), "Id")
    policies = member(call("get_policies"), "id")
    mapping = call("get_rule_sets_to_policy_mapping")
    return {
        "rules": ids,
        "rule": call("get_detection_rule", ids[0])["Id"],
        "bulk rules": member(call("get_bulk_detection_rule", ids), "Id"),
        "languages": [len(call("get_detection_rule", rule, natlang=True)["Paths"]) for rule in ids],
        "counts": [call("get_detection_rule_counts", rule)["DeviceCount"] for rule in ids],
        "rules csv": call("get_detection_rules", csv=True),
        "rule sets": sets,
        "rule set": call("get_ruleset", sets[0])["id"],
        "bulk rule sets": member(call("get_bulk_ruleset", sets), "id"),
        "rule sets csv": member(call("get_rulesets", csv=True), "id"),
        "default rule set": len(call("retrieve_default_detection_rule_set")["rules"]),
        "exceptions": exceptions,
        "exception": [call("get_detection_exception", one)["Id"] for one in exceptions],
        "exceptions csv": call("get_detection_exceptions", csv=True),
        "policies": policies,
        "policy": call("get_policy", policies[0])["policy_id"],
        "bulk policies": member(call("get_bulk_policy", policies), "policy_id"),
        "mapping": member(mapping, "configuration_id"),
        "mapping of a policy": call("get_ruleset_for_policy", mapping[0]["policy_id"])["configuration_id"],
    }


def rest(call, given):
    views = call("get_focus_views")
    threats = member(call("get_threats"), "sha256")
    files = call("get_retrieved_file_results")
    users = member(call("get_users"), "id")
    events = member(call("get_memory_protection_events"), "device_image_file_event_id")
    return {
        "views": member(views, "id"),
        "view": [call("get_focus_view_summary", one["id"])["id"] for one in views],
        "view results": [call("get_focus_view_results", one["id"])["id"] for one in views],
        "view search": [
            call("search_for_focus_view_results", one["value"], one["device_id"])[0]["focus_id"] for one in views
        ],
        "threats": threats,
        "threat": [call("get_threat", one)["sha256"] for one in threats],
        "threat devices": sum(len(call("get_threat_devices", one)) for one in threats),
        "files": [
            "|".join([one["device_id"], one["filepath"], one["created_at"], one["correlation_id"]]) for one in files
        ],
        "packages": member(call("get_packages"), "packageId"),
        "execution": [call("get_package_execution", one)["id"] for one in given["executions"]],
        "executions": [call("get_package_executions", one)["id"] for one in given["executions"]],
        "users": users,
        "user": call("get_user", users[0])["id"],
        "memory events": events,
        "memory event": call("get_memory_protection_event", events[0])["device_image_file_event_id"],
        "safe": member(call("get_global_list", "safe"), "list_type"),
        "quarantine": member(call("get_global_list", "quarantine"), "list_type"),
    }


def not_called(api, made):
    """Reading calls of the client that nothing above made; those of the multi-tenant console are another API."""
    names = [name for name in dir(type(api)) if name.startswith(READS)]
    ours = [name for name in names if "_MTC_" not in getattr(type(api), name).__module__]
    return sorted(set(ours) - made - set(LINKS) - set(HELPERS))


def main(path):
    with open(path, encoding="utf-8") as file:
        given = json.load(file)
    from cyapi.cyapi import CyAPI

    api = CyAPI(tid=given["tenant"], app_id=given["application"], app_secret=given["secret"])
    api.baseURL = given["url"] + "/"
    try:
        api.create_conn()
    except Exception as error:
        raise SystemExit(f"create_conn() broke: {type(error).__name__}: {error}") from error
    call = Calls(api)
    found = {**detections(call, given), **queries(call), **devices(call), **rules(call), **rest(call, given)}
    found["not called"] = not_called(api, call.made)
    with open(given["out"], "w", encoding="utf-8") as file:
        json.dump(found, file)


# The client prints its token.
with contextlib.redirect_stdout(None):
    main(sys.argv[1])
