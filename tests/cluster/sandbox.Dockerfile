# The product's image with the sandbox beside it: providers to pay at, as a pod.
ARG BASE
FROM ${BASE}
COPY hingecraft_sandbox /sandbox/hingecraft_sandbox
ENV PYTHONPATH=/sandbox
