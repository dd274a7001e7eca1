rule prepare_corpus:
    input:
        spec="results/{experiment}/.spec/prepare_corpus.json",
        text=external("prepare_corpus"),
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
        "python src/prepare_corpus.py --spec {input.spec:q} --text {input.text:q}"
        " --data {output.data:q} --provenance {output.provenance:q}"
        " --receipt {output.receipt:q} --log {log:q} --threads {threads}"


rule sample_oracle:
    input:
        spec="results/{experiment}/.spec/sample_oracle.json",
        parameters=external("sample_oracle"),
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
