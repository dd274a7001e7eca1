rule pretrain_generator:
    input:
        spec="results/{experiment}/.spec/pretrain_generator.json",
        receipts=receipts("pretrain_generator"),
        data=ancient("results/{experiment}/data"),
    output:
        checkpoint=directory(
            "results/{experiment}/checkpoints/seed-{seed}/pretrain_generator"
        ),
        metrics="results/{experiment}/metrics/seed-{seed}/pretrain_generator.jsonl",
        provenance="results/{experiment}/provenance/seed-{seed}/pretrain_generator.json",
        receipt="results/{experiment}/receipts/seed-{seed}/pretrain_generator.json",
    log:
        "results/{experiment}/logs/seed-{seed}/pretrain_generator.log",
    benchmark:
        "results/{experiment}/benchmarks/seed-{seed}/pretrain_generator.tsv"
    # Long jobs first, so that short ones fill the gaps and no core waits at the end.
    priority: 30
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=memory,
        runtime=minutes(720),
    shell:
        "python src/pretrain_generator.py --spec {input.spec:q} --seed {wildcards.seed}"
        " --receipts {input.receipts:q} --data {input.data:q}"
        " --checkpoint {output.checkpoint:q} --metrics {output.metrics:q}"
        " --provenance {output.provenance:q} --receipt {output.receipt:q}"
        " --log {log:q} --threads {threads}"


# A method that is trained by likelihood alone, on its own.
use rule pretrain_generator as pretrain_generator_alone with:
    input:
        spec="results/{experiment}/.spec/pretrain_generator-{method}.json",
        receipts=receipts("pretrain_generator"),
        data=ancient("results/{experiment}/data"),
    output:
        checkpoint=directory(
            "results/{experiment}/checkpoints/seed-{seed}/pretrain_generator-{method}"
        ),
        metrics="results/{experiment}/metrics/seed-{seed}/pretrain_generator-{method}.jsonl",
        provenance="results/{experiment}/provenance/seed-{seed}/pretrain_generator-{method}.json",
        receipt="results/{experiment}/receipts/seed-{seed}/pretrain_generator-{method}.json",
    log:
        "results/{experiment}/logs/seed-{seed}/pretrain_generator-{method}.log",
    benchmark:
        "results/{experiment}/benchmarks/seed-{seed}/pretrain_generator-{method}.tsv"
    priority: 10


rule pretrain_discriminator:
    input:
        spec="results/{experiment}/.spec/pretrain_discriminator.json",
        receipts=receipts("pretrain_discriminator"),
        data=ancient("results/{experiment}/data"),
        generator=ancient(
            "results/{experiment}/checkpoints/seed-{seed}/pretrain_generator"
        ),
    output:
        checkpoint=directory(
            "results/{experiment}/checkpoints/seed-{seed}/pretrain_discriminator"
        ),
        metrics="results/{experiment}/metrics/seed-{seed}/pretrain_discriminator.jsonl",
        provenance="results/{experiment}/provenance/seed-{seed}/pretrain_discriminator.json",
        receipt="results/{experiment}/receipts/seed-{seed}/pretrain_discriminator.json",
    log:
        "results/{experiment}/logs/seed-{seed}/pretrain_discriminator.log",
    benchmark:
        "results/{experiment}/benchmarks/seed-{seed}/pretrain_discriminator.tsv"
    priority: 20
    conda:
        "../../environment.yml"
    threads: processes
    resources:
        mem_mb=memory,
        processes=processes,
        runtime=minutes(720),
    shell:
        "python src/pretrain_discriminator.py --spec {input.spec:q} --seed {wildcards.seed}"
        " --receipts {input.receipts:q} --data {input.data:q} --generator {input.generator:q}"
        " --checkpoint {output.checkpoint:q} --metrics {output.metrics:q}"
        " --provenance {output.provenance:q} --receipt {output.receipt:q}"
        " --log {log:q} --threads {threads} --processes {resources.processes}"


rule train_adversarially:
    input:
        spec="results/{experiment}/.spec/train_adversarially-{method}.json",
        receipts=receipts("train_adversarially"),
        data=ancient("results/{experiment}/data"),
        generator=ancient(
            "results/{experiment}/checkpoints/seed-{seed}/pretrain_generator"
        ),
        discriminator=made_by(
            ["pretrain_discriminator"], "checkpoint", "train_adversarially"
        ),
    output:
        checkpoint=directory(
            "results/{experiment}/checkpoints/seed-{seed}/train_adversarially-{method}"
        ),
        metrics="results/{experiment}/metrics/seed-{seed}/train_adversarially-{method}.jsonl",
        provenance="results/{experiment}/provenance/seed-{seed}/train_adversarially-{method}.json",
        receipt="results/{experiment}/receipts/seed-{seed}/train_adversarially-{method}.json",
    log:
        "results/{experiment}/logs/seed-{seed}/train_adversarially-{method}.log",
    benchmark:
        "results/{experiment}/benchmarks/seed-{seed}/train_adversarially-{method}.tsv"
    priority: 10
    conda:
        "../../environment.yml"
    threads: processes
    resources:
        mem_mb=memory,
        processes=processes,
        runtime=minutes(2880),
    shell:
        "python src/train_adversarially.py --spec {input.spec:q} --seed {wildcards.seed}"
        " --receipts {input.receipts:q} --data {input.data:q} --generator {input.generator:q}"
        " --discriminator {input.discriminator:q}"
        " --checkpoint {output.checkpoint:q} --metrics {output.metrics:q}"
        " --provenance {output.provenance:q} --receipt {output.receipt:q}"
        " --log {log:q} --threads {threads} --processes {resources.processes}"
