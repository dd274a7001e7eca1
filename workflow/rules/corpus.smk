rule fetch_corpus:
    input:
        spec="results/{experiment}/.spec/fetch_corpus.json",
    output:
        source=directory("results/{experiment}/source"),
        provenance="results/{experiment}/provenance/fetch_corpus.json",
        receipt="results/{experiment}/receipts/fetch_corpus.json",
    log:
        "results/{experiment}/logs/fetch_corpus.log",
    wildcard_constraints:
        experiment=experiments_with("fetch_corpus"),
    # Nodes of a cluster rarely see the net.
    localrule: True
    conda:
        "../../environment.yml"
    resources:
        downloads=downloads,
        mirror=mirror,
        offline=offline,
    shell:
        "python src/fetch_corpus.py --spec {input.spec:q} --source {output.source:q}"
        " --downloads {resources.downloads:q} --mirror {resources.mirror:q}"
        " --offline {resources.offline:q}"
        " --provenance {output.provenance:q} --receipt {output.receipt:q}"
        " --log {log:q} --threads {threads}"


rule prepare_corpus:
    input:
        spec="results/{experiment}/.spec/prepare_corpus.json",
        receipts=receipts("prepare_corpus"),
        source=made_by(["fetch_corpus"], "source", "prepare_corpus"),
        text=external("prepare_corpus", "text"),
        validation=external("prepare_corpus", "validation"),
        test=external("prepare_corpus", "test"),
    output:
        data=directory("results/{experiment}/data"),
        provenance="results/{experiment}/provenance/prepare_corpus.json",
        receipt="results/{experiment}/receipts/prepare_corpus.json",
    log:
        "results/{experiment}/logs/prepare_corpus.log",
    wildcard_constraints:
        experiment=experiments_with("prepare_corpus"),
    conda:
        "../../environment.yml"
    resources:
        mem_mb=memory,
        runtime=minutes(30),
    shell:
        "python src/prepare_corpus.py --spec {input.spec:q} --receipts {input.receipts:q}"
        " --source {input.source:q} --text {input.text:q}"
        " --validation {input.validation:q} --test {input.test:q}"
        " --data {output.data:q} --provenance {output.provenance:q}"
        " --receipt {output.receipt:q} --log {log:q} --threads {threads}"


rule sample_oracle:
    input:
        spec="results/{experiment}/.spec/sample_oracle.json",
        parameters=external("sample_oracle", "parameters"),
    output:
        data=directory("results/{experiment}/data"),
        provenance="results/{experiment}/provenance/sample_oracle.json",
        receipt="results/{experiment}/receipts/sample_oracle.json",
    log:
        "results/{experiment}/logs/sample_oracle.log",
    wildcard_constraints:
        experiment=experiments_with("sample_oracle"),
    conda:
        "../../environment.yml"
    resources:
        mem_mb=memory,
        runtime=minutes(30),
    shell:
        "python src/sample_oracle.py --spec {input.spec:q} --parameters {input.parameters:q}"
        " --data {output.data:q} --provenance {output.provenance:q}"
        " --receipt {output.receipt:q} --log {log:q} --threads {threads}"
