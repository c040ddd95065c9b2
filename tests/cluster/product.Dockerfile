# The product's image as a company would derive it that has an authority of its own: here, the tests'.
ARG BASE
FROM ${BASE}
USER 0
COPY authority.pem /usr/local/share/ca-certificates/tests.crt
RUN cat /usr/local/share/ca-certificates/tests.crt >> /etc/ssl/certs/ca-certificates.crt
ENV SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt
USER 65532:65532
