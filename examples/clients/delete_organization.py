import os
import requests

api_key = os.environ["SKEIN_API_KEY"]

# Delete all threads in a specific organization
response = requests.delete(
    "http://127.0.0.1:8080/v1/threads",
    headers={"X-API-Key": api_key},
    params={"organization_id": "org_abc123"},
)

result = response.json()
print(f"Deleted {result['deleted']} thread(s)")
