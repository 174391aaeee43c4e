# The image that deploy/deployment.yaml names: docker build --tag fairlead:0.1.0 .

FROM python:3.11-slim AS build
WORKDIR /source
RUN python -m venv /opt/fairlead
# The dependencies alone first: they change less often than the program.
COPY requirements.lock ./
RUN /opt/fairlead/bin/python -m pip install --no-cache-dir --disable-pip-version-check \
      --require-hashes --no-deps --requirement requirements.lock
COPY pyproject.toml README.md LICENSE ./
COPY src ./src
RUN /opt/fairlead/bin/python -m pip install --no-cache-dir --disable-pip-version-check \
      --no-deps --no-build-isolation . \
 && /opt/fairlead/bin/python -m compileall -q /opt/fairlead/lib

FROM python:3.11-slim
# git keeps what is fetched, ssh fetches, and gpg checks signatures and opens what SOPS encrypted with OpenPGP keys.
RUN apt-get update \
 && apt-get install --yes --no-install-recommends ca-certificates git gnupg openssh-client \
 && rm -rf /var/lib/apt/lists/*
# ssh works for nobody whose number has no name.
RUN useradd --uid 1337 --user-group --home-dir /data --no-create-home --shell /usr/sbin/nologin fairlead \
 && install --directory --owner fairlead --group fairlead /data
COPY --from=build /opt/fairlead /opt/fairlead
ENV PATH=/opt/fairlead/bin:$PATH PYTHONUNBUFFERED=1
USER 1337:1337
WORKDIR /data
ENTRYPOINT ["fairlead"]
