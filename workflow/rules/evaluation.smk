GENERATOR_MAKERS = ["pretrain_generator", "train_adversarially"]


rule sample_sentences:
    input:
        spec="results/{experiment}/.spec/sample_sentences-{method}.json",
        receipts=receipts("sample_sentences"),
        data=ancient("results/{experiment}/data"),
        generator=made_by(GENERATOR_MAKERS, "checkpoint", "sample_sentences"),
    output:
        samples=directory("results/{experiment}/samples/seed-{seed}/{method}"),
        provenance="results/{experiment}/provenance/seed-{seed}/sample_sentences-{method}.json",
        receipt="results/{experiment}/receipts/seed-{seed}/sample_sentences-{method}.json",
    log:
        "results/{experiment}/logs/seed-{seed}/sample_sentences-{method}.log",
    conda:
        "../../environment.yml"
    resources:
        mem_mb=memory,
        runtime=minutes(60),
    shell:
        "python src/sample_sentences.py --spec {input.spec:q} --seed {wildcards.seed}"
        " --receipts {input.receipts:q} --data {input.data:q} --generator {input.generator:q}"
        " --samples {output.samples:q}"
        " --provenance {output.provenance:q} --receipt {output.receipt:q}"
        " --log {log:q} --threads {threads}"


rule evaluate:
    input:
        spec="results/{experiment}/.spec/evaluate-{method}.json",
        receipts=receipts("evaluate"),
        data=ancient("results/{experiment}/data"),
        samples=ancient("results/{experiment}/samples/seed-{seed}/{method}"),
        generator=made_by(GENERATOR_MAKERS, "checkpoint", "evaluate"),
    output:
        scores="results/{experiment}/metrics/seed-{seed}/evaluate-{method}.json",
        provenance="results/{experiment}/provenance/seed-{seed}/evaluate-{method}.json",
        receipt="results/{experiment}/receipts/seed-{seed}/evaluate-{method}.json",
    log:
        "results/{experiment}/logs/seed-{seed}/evaluate-{method}.log",
    conda:
        "../../environment.yml"
    resources:
        mem_mb=memory,
        runtime=minutes(60),
    shell:
        "python src/evaluate.py --spec {input.spec:q} --seed {wildcards.seed}"
        " --receipts {input.receipts:q} --data {input.data:q} --samples {input.samples:q}"
        " --generator {input.generator:q} --scores {output.scores:q}"
        " --provenance {output.provenance:q} --receipt {output.receipt:q}"
        " --log {log:q} --threads {threads}"
