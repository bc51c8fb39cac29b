"""The service and the command line: front ends, durable queue, worker, the one pipeline."""
