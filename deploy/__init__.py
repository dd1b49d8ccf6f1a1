"""What the images of docker-compose.yml run beside the programs of CONTRACTS section 1: first start, health, settings.

Paths and host names here are those of docker-compose.yml; tests/system/test_compose.py runs the two together.
"""
