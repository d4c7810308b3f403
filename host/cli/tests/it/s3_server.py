"""An S3 server with an empty bucket: prints its port, then answers each line of its input with the
bucket's keys and their sizes, as a JSON object. Ends when its input does.

    python s3_server.py BUCKET
"""

import json
import sys

import boto3
from moto.server import ThreadedMotoServer


def main() -> None:
    bucket = sys.argv[1]
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    _, port = server.get_host_and_port()
    client = boto3.client(
        "s3",
        endpoint_url=f"http://127.0.0.1:{port}",
        region_name="us-east-1",
        aws_access_key_id="mill",
        aws_secret_access_key="stone",
    )
    client.create_bucket(Bucket=bucket)
    print(port, flush=True)
    for _ in sys.stdin:
        listing = client.list_objects_v2(Bucket=bucket).get("Contents", [])
        print(json.dumps({found["Key"]: found["Size"] for found in listing}), flush=True)
    server.stop()


main()
