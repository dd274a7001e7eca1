rule summarise:
    input:
        spec="results/{experiment}/.spec/summarise.json",
        receipts=receipts("summarise"),
        scores=made_by(["evaluate"], "scores", "summarise"),
        sentences=made_by(["evaluate"], "sentences", "summarise"),
        points=made_by(["sweep_sampling"], "points", "summarise"),
    output:
        table=report(
            "results/{experiment}/summary.csv",
            caption="../report/summary.rst",
            category="{experiment}",
        ),
        text="results/{experiment}/summary.txt",
        sweep="results/{experiment}/sweep.csv",
        judgements="results/{experiment}/judgements.json",
        means="results/{experiment}/means.json",
        provenance="results/{experiment}/provenance/summarise.json",
        receipt="results/{experiment}/receipts/summarise.json",
    log:
        "results/{experiment}/logs/summarise.log",
    localrule: True
    conda:
        "../../environment.yml"
    shell:
        "python src/summarise.py --spec {input.spec:q} --receipts {input.receipts:q}"
        " --scores {input.scores:q} --sentences {input.sentences:q} --points {input.points:q}"
        " --table {output.table:q} --text {output.text:q}"
        " --sweep {output.sweep:q} --judgements {output.judgements:q}"
        " --means {output.means:q}"
        " --provenance {output.provenance:q} --receipt {output.receipt:q}"
        " --log {log:q} --threads {threads}"


rule report:
    input:
        spec="results/{experiment}/.spec/report.json",
        receipts=receipts("report"),
        data=ancient("results/{experiment}/data"),
        encoder=made_by(["encode_references"], "encoder", "report"),
        table="results/{experiment}/summary.csv",
        sweep="results/{experiment}/sweep.csv",
        judgements="results/{experiment}/judgements.json",
        scores=made_by(["evaluate"], "scores", "report"),
        curves=made_by(
            ["pretrain_generator", "pretrain_discriminator", "train_adversarially"],
            "metrics",
            "report",
        ),
        samples=made_by(["sample_sentences"], "samples", "report"),
    output:
        report=report(
            "results/{experiment}/report.html",
            caption="../report/report.rst",
            category="{experiment}",
        ),
        figures=report(
            directory("results/{experiment}/figures"),
            patterns=["{figure}.svg"],
            caption="../report/figures.rst",
            category="{experiment}",
        ),
        course="results/{experiment}/curves.csv",
        provenance="results/{experiment}/provenance/report.json",
        receipt="results/{experiment}/receipts/report.json",
    log:
        "results/{experiment}/logs/report.log",
    localrule: True
    conda:
        "../../environment.yml"
    shell:
        "python src/report.py --spec {input.spec:q} --receipts {input.receipts:q}"
        " --data {input.data:q} --encoder {input.encoder:q} --table {input.table:q}"
        " --sweep {input.sweep:q}"
        " --judgements {input.judgements:q} --scores {input.scores:q}"
        " --curves {input.curves:q} --samples {input.samples:q}"
        " --report {output.report:q} --figures {output.figures:q}"
        " --course {output.course:q}"
        " --provenance {output.provenance:q} --receipt {output.receipt:q}"
        " --log {log:q} --threads {threads}"
