GENERATOR_MAKERS = ["pretrain_generator", "train_adversarially"]


rule encode_references:
    input:
        spec="results/{experiment}/.spec/encode_references.json",
        receipts=receipts("encode_references"),
        data=ancient("results/{experiment}/data"),
    output:
        encoder=directory("results/{experiment}/encoder"),
        provenance="results/{experiment}/provenance/encode_references.json",
        receipt="results/{experiment}/receipts/encode_references.json",
    log:
        "results/{experiment}/logs/encode_references.log",
    conda:
        "../../environment.yml"
    resources:
        mem_mb=memory,
        runtime=minutes(60),
    shell:
        "python src/encode_references.py --spec {input.spec:q} --receipts {input.receipts:q}"
        " --data {input.data:q} --encoder {output.encoder:q}"
        " --provenance {output.provenance:q} --receipt {output.receipt:q}"
        " --log {log:q} --threads {threads}"


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
        encoder=made_by(["encode_references"], "encoder", "evaluate"),
        samples=ancient("results/{experiment}/samples/seed-{seed}/{method}"),
        generator=made_by(GENERATOR_MAKERS, "checkpoint", "evaluate"),
    output:
        scores="results/{experiment}/metrics/seed-{seed}/evaluate-{method}.json",
        sentences=directory("results/{experiment}/sentences/seed-{seed}/{method}"),
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
        " --receipts {input.receipts:q} --data {input.data:q} --encoder {input.encoder:q}"
        " --samples {input.samples:q} --generator {input.generator:q}"
        " --scores {output.scores:q} --sentences {output.sentences:q}"
        " --provenance {output.provenance:q} --receipt {output.receipt:q}"
        " --log {log:q} --threads {threads}"


rule sweep_sampling:
    input:
        spec="results/{experiment}/.spec/sweep_sampling-{method}.json",
        receipts=receipts("sweep_sampling"),
        data=ancient("results/{experiment}/data"),
        encoder=made_by(["encode_references"], "encoder", "sweep_sampling"),
        generator=made_by(GENERATOR_MAKERS, "checkpoint", "sweep_sampling"),
    output:
        points="results/{experiment}/metrics/seed-{seed}/sweep_sampling-{method}.json",
        provenance="results/{experiment}/provenance/seed-{seed}/sweep_sampling-{method}.json",
        receipt="results/{experiment}/receipts/seed-{seed}/sweep_sampling-{method}.json",
    log:
        "results/{experiment}/logs/seed-{seed}/sweep_sampling-{method}.log",
    conda:
        "../../environment.yml"
    resources:
        mem_mb=memory,
        runtime=minutes(60),
    shell:
        "python src/sweep_sampling.py --spec {input.spec:q} --seed {wildcards.seed}"
        " --receipts {input.receipts:q} --data {input.data:q} --encoder {input.encoder:q}"
        " --generator {input.generator:q} --points {output.points:q}"
        " --provenance {output.provenance:q} --receipt {output.receipt:q}"
        " --log {log:q} --threads {threads}"
