"""ClickHouse: the client that writes and asks, the native encoder, the migrations with tables and public views."""
