"""Services for one machine without Docker: embedded broker, embedded ClickHouse, process supervision.

For trying out and for tests; the same product code runs on Apache Kafka and a ClickHouse server.
"""
