# Lathe in a container: the page process and, beside it, the engine process that it starts.
# Build:  docker build -t lathe .            (CPU)
#         docker build -t lathe --build-arg REQUIREMENTS=requirements-gpu.txt .   (NVIDIA GPU)
# Run:    docker run -p 127.0.0.1:8501:8501 -v lathe:/data --shm-size 1g lathe
FROM python:3.12-slim-bookworm AS build
ARG REQUIREMENTS=requirements.txt
WORKDIR /app
COPY requirements.txt requirements-gpu.txt ./
RUN python -m venv /venv \
    && /venv/bin/pip install --no-cache-dir --disable-pip-version-check --require-hashes -r "$REQUIREMENTS"

FROM python:3.12-slim-bookworm
RUN useradd --create-home --uid 10001 lathe \
    && mkdir /data \
    && chown lathe:lathe /data
COPY --from=build /venv /venv
WORKDIR /app
COPY --chown=lathe:lathe . .
ENV PATH=/venv/bin:$PATH \
    LATHE_HOME=/data \
    PYTHONUNBUFFERED=1 \
    TF_CPP_MIN_LOG_LEVEL=2
USER 10001
VOLUME /data
EXPOSE 8501
# Loopback is the default (.streamlit/config.toml); inside a container the port is published by whoever runs it.
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8501/_stcore/health', timeout=4)"]
STOPSIGNAL SIGTERM
CMD ["streamlit", "run", "app.py", "--server.address=0.0.0.0", "--server.port=8501"]
